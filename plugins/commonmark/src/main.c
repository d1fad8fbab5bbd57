/* The compiler: a page of Markdown to HTML. It is an ordinary program: commonmark [--OPTION=true|false …] SOURCES PATH OUTPUT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

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

static const struct {
    const char *name;
    size_t at;
} KNOWN[] = {
    {"hard-breaks", offsetof(Options, hard_breaks)},
    {"smart", offsetof(Options, smart)},
    {"unsafe", offsetof(Options, unsafe)},
};

/* Reads `--name=value` into the options. Returns 0, having said why, if there is no such option or value. */
static int read_option(Options *options, const char *argument) {
    const char *name = argument + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const char *value = equals ? equals + 1 : "";
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (strlen(KNOWN[i].name) != length || strncmp(KNOWN[i].name, name, length) != 0) continue;
        int is = strcmp(value, "true") == 0;
        if (!is && strcmp(value, "false") != 0) {
            fprintf(stderr, "error: the option `%s` is true or false, not \"%s\"\n", KNOWN[i].name, value);
            return 0;
        }
        *(int *)((char *)options + KNOWN[i].at) = is;
        return 1;
    }
    fprintf(stderr, "error: there is no option `%.*s`: there are hard-breaks, smart, unsafe\n", (int)length, name);
    return 0;
}

/* All of a file, to be freed, with a 0 behind it. NULL if it cannot be read. */
static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t room = 1 << 16, used = 0, got;
    char *text = malloc(room + 1);
    while (text && (got = fread(text + used, 1, room - used, file)) > 0) {
        used += got;
        if (used < room) continue;
        room *= 2;
        char *more = realloc(text, room + 1);
        if (!more) free(text);
        text = more;
    }
    int failed = ferror(file);
    fclose(file);
    if (!text || failed) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *length = used;
    return text;
}

static int write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    if (!file) return 0;
    size_t length = strlen(text);
    int written = fwrite(text, 1, length, file) == length;
    return fclose(file) == 0 && written;
}

int main(int argc, char **argv) {
    Options options = {0, 0, 0};
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++)
        if (!read_option(&options, argv[at])) return 1;
    if (argc - at != 3) {
        fprintf(stderr, "usage: %s [--OPTION=true|false ...] SOURCES PATH OUTPUT\n", argv[0]);
        return 2;
    }
    const char *sources = argv[at], *path = argv[at + 1], *output = argv[at + 2];
    char *whole = malloc(strlen(sources) + strlen(path) + 2);
    if (!whole) return 2;
    sprintf(whole, "%s/%s", sources, path);
    Source source = {sources, path, NULL, 0};
    char *text = read_file(whole, &source.length);
    if (!text) {
        perror(whole);
        return 2;
    }
    source.text = text;
    char *html = compile_page(&source, &options);
    if (!html) return 1;
    if (!write_file(output, html)) {
        perror(output);
        return 2;
    }
    free(html);
    free(text);
    free(whole);
    return 0;
}
