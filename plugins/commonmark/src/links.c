#include "links.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* The kinds of files that the release shows to the compiler. Whether there is one of another kind is not known. */
static const char *const KINDS[] = {".md", ".html", ".css", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"};

static int has_ending(const char *text, size_t length, const char *ending) {
    size_t own = strlen(ending);
    return length >= own && strncasecmp(text + length - own, ending, own) == 0;
}

static int has_known_kind(const char *path) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (has_ending(path, strlen(path), KINDS[i])) return 1;
    return 0;
}

static int has_scheme(const char *url) {
    if (!isalpha((unsigned char)*url)) return 0;
    while (isalnum((unsigned char)*url) || *url == '+' || *url == '.' || *url == '-') url++;
    return *url == ':';
}

static int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* Appends a path to one that is normalised, in `into`, which has room for both and a slash. Returns 0 if it leads out. */
static int join(char *into, const char *path) {
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.') {
            if (!*into) return 0;
            char *slash = strrchr(into, '/');
            *(slash ? slash : into) = '\0';
        } else if (length > 0 && !(length == 1 && path[0] == '.')) {
            if (*into) strcat(into, "/");
            strncat(into, path, length);
        }
        path += length;
        if (*path) path++;
    }
    return 1;
}

static int there(const char *sources, const char *path) {
    struct stat found;
    char *whole = malloc(strlen(sources) + strlen(path) + 2);
    if (!whole) abort();
    strcpy(whole, sources);
    strcat(whole, "/");
    strcat(whole, path);
    int is = stat(whole, &found) == 0;
    free(whole);
    return is;
}

/* What is at a path, and, for a page that is linked to as what it becomes, at the path of its source. */
static Target look(const char *sources, const char *path) {
    size_t length = strlen(path);
    if (there(sources, path)) return has_ending(path, length, ".md") ? PAGE : THERE;
    if (!has_known_kind(path)) return ELSEWHERE;
    if (!has_ending(path, length, ".html")) return MISSING;
    char *source = strdup(path);
    if (!source) abort();
    strcpy(source + length - strlen(".html"), ".md");
    int made = there(sources, source);
    free(source);
    return made ? THERE : MISSING;
}

Target target_of(const char *sources, const char *page, const char *url) {
    size_t length = strcspn(url, "#?");
    if (length == 0 || url[0] == '/' || has_scheme(url)) return ELSEWHERE;
    char *path = malloc(length + 1), *joined = malloc(strlen(page) + length + 2), *folder = strdup(page);
    if (!path || !joined || !folder) abort();
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        int high = -1, low = -1;
        if (url[i] == '%' && i + 2 < length) high = hex(url[i + 1]), low = hex(url[i + 2]);
        if (high >= 0 && low >= 0 && high + low > 0) {
            path[at++] = (char)(high * 16 + low);
            i += 2;
        } else {
            path[at++] = url[i];
        }
    }
    path[at] = '\0';
    char *slash = strrchr(folder, '/');
    *(slash ? slash : folder) = '\0';
    *joined = '\0';
    Target target = join(joined, folder) && join(joined, path) ? look(sources, joined) : OUTSIDE;
    free(folder);
    free(joined);
    free(path);
    return target;
}

char *compiled_url(const char *url) {
    size_t length = strcspn(url, "#?");
    /* An ending that is written in another way, such as `%6Dd`, stays. */
    size_t stem = has_ending(url, length, ".md") ? length - strlen(".md") : length;
    const char *ending = stem < length ? ".html" : "";
    char *made = malloc(strlen(url) + strlen(".html") + 1);
    if (!made) return NULL;
    memcpy(made, url, stem);
    strcpy(made + stem, ending);
    strcat(made, url + length);
    return made;
}
