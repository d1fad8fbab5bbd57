/* The compiler: a file of `key = value` lines to JSON. It is an ordinary program: compiler-name FILE OUTPUT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __wasm__
/* What stands between this program and its host takes memory before `malloc` is called for the first time. It has to ask for it here:
 * `malloc` begins with all the memory there is then, and would hand the same bytes out again. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    (void)old_size;
    /* Whatever `malloc` returns is aligned to 16 bytes; none asks for more than 8. */
    (void)alignment;
    void *made = realloc(old, size);
    if (!made) abort();
    return made;
}
#endif

/* The longest line that is read. */
enum { LINE = 4096 };

static void quoted(FILE *out, const char *text, size_t length) {
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c < 0x20) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static const char *trim(const char *from, const char *to, size_t *length) {
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\n' || to[-1] == '\r')) to--;
    *length = (size_t)(to - from);
    return from;
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: %s FILE OUTPUT\n", argv[0]); return 2; }
    FILE *in = fopen(argv[1], "r"), *out = fopen(argv[2], "w");
    if (!in || !out) { perror(in ? argv[2] : argv[1]); return 2; }
    char line[LINE];
    int number = 0, errors = 0, first = 1;
    fputc('{', out);
    while (fgets(line, sizeof line, in)) {
        number++;
        size_t length, key_length, value_length;
        const char *end = line + strlen(line);
        const char *text = trim(line, end, &length);
        if (length == 0 || *text == '#') continue;
        const char *equals = memchr(text, '=', length);
        if (!equals) {
            fprintf(stderr, "%s:%d:1: error: this line has no `=`\n", argv[1], number);
            errors++;
            continue;
        }
        const char *key = trim(text, equals, &key_length);
        const char *value = trim(equals + 1, text + length, &value_length);
        fputs(first ? "\n  " : ",\n  ", out);
        first = 0;
        quoted(out, key, key_length);
        fputs(": ", out);
        quoted(out, value, value_length);
    }
    fputs(first ? "}\n" : "\n}\n", out);
    return errors > 0 || ferror(in) || fclose(out) ? 1 : 0;
}
