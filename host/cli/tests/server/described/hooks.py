"""How bodies that are not JSON are sent: as the bytes that they are."""

import schemathesis


@schemathesis.serializer("application/x-tar")
def tree(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
