/* What the URLs of a page lead to. */
#ifndef LINKS_H
#define LINKS_H

typedef enum {
    /* Not a file beside this one: another site, an address from the site's root, a place in the same page, or a file of a kind that is not looked for. */
    ELSEWHERE,
    /* A file of this module. */
    THERE,
    /* A page of this module, which becomes one of HTML. */
    PAGE,
    /* The module has no such file. */
    MISSING,
    /* It leads out of the module. */
    OUTSIDE,
} Target;

/* What `url` leads to from the file `page`, a path within the folder `sources`. */
Target target_of(const char *sources, const char *page, const char *url);

/* For a page: the URL of what it becomes. To be freed; NULL if there is no memory. */
char *compiled_url(const char *url);

#endif
