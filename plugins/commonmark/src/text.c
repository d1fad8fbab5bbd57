#include "text.h"

#include <stdio.h>
#include <string.h>

/* The most that is shown of something an author wrote. */
enum { SHOWN = 120 };

/* The length of the character that begins here, 0 if none does. */
static size_t character(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (length == 0 || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    /* Not the shortest form, halves of pairs, and what is beyond the last character. */
    if (first == 0xe0 && at[1] < 0xa0) return 0;
    if (first == 0xed && at[1] > 0x9f) return 0;
    if (first == 0xf0 && at[1] < 0x90) return 0;
    if (first == 0xf4 && at[1] > 0x8f) return 0;
    return length;
}

size_t first_wrong_byte(const char *text, size_t length) {
    size_t at = 0;
    while (at < length) {
        size_t step = character((const unsigned char *)text + at, length - at);
        if (step == 0) break;
        at += step;
    }
    return at;
}

void report(const char *file, int line, int column, const char *severity, const char *code, const char *message, const char *what) {
    fprintf(stderr, "%s:%d:%d: %s: %s", file, line, column, severity, message);
    if (what) {
        size_t length = strlen(what), shown = length;
        if (length > SHOWN) {
            shown = SHOWN;
            /* Not half a character. */
            while (shown > 0 && ((unsigned char)what[shown] & 0xc0) == 0x80) shown--;
        }
        fputs(" `", stderr);
        /* One finding is one line, whatever the author wrote. */
        for (size_t i = 0; i < shown; i++) fputc((unsigned char)what[i] < 0x20 || what[i] == 0x7f ? ' ' : what[i], stderr);
        fputs(shown < length ? "…`" : "`", stderr);
    }
    fprintf(stderr, " [-W%s]\n", code);
}
