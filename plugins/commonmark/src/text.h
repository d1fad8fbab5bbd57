/* Bytes that come from an author, looked at and shown. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* Where the first byte is that is no UTF-8; `length` if all are. */
size_t first_wrong_byte(const char *text, size_t length);

/* Prints a finding in the form that compilers use: file:line:column: severity: message `what` [code]. `what` may be NULL. Columns count bytes. */
void report(const char *file, int line, int column, const char *severity, const char *code, const char *message, const char *what);

#endif
