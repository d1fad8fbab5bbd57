/* One page: Markdown to HTML, with what is found on the way. */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

typedef struct {
    /* Line breaks stay line breaks. */
    int hard_breaks;
    /* Quotes, dashes and dots become those of print. */
    int smart;
    /* Raw HTML and URLs that can run programs go into the page. */
    int unsafe;
} Options;

typedef struct {
    /* The folder with the module's files, and the page's path within it. */
    const char *sources, *path;
    const char *text;
    size_t length;
} Source;

/* The HTML of a page, to be freed; NULL if it has errors, which are printed, as are warnings. */
char *compile_page(const Source *source, const Options *options);

#endif
