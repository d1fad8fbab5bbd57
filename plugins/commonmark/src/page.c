#include "page.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <cmark-gfm.h>
#include <config.h>
#include <chunk.h>
#include <scanners.h>

#include "links.h"
#include "text.h"

/* The most warnings of a page. A program that makes pages makes the same mistake on each line. */
enum { WARNINGS = 100 };
static int warnings = 0;

static void warn(const Source *source, int line, int column, const char *code, const char *message, const char *what) {
    if (++warnings == WARNINGS) report(source->path, line, column, "warning", "more", "from here on warnings are not shown", NULL);
    if (warnings >= WARNINGS) return;
    report(source->path, line, column, "warning", code, message, what);
}

/* Whether all is text; if not, where it stops to be. */
static int is_text(const Source *source) {
    if (source->length > INT_MAX / 8) {
        report(source->path, 1, 1, "error", "too-large", "the file is too large", NULL);
        return 0;
    }
    size_t wrong = first_wrong_byte(source->text, source->length);
    if (wrong == source->length) return 1;
    int line = 1, column = 1;
    for (size_t i = 0; i < wrong; i++) {
        int ends = source->text[i] == '\n' || (source->text[i] == '\r' && source->text[i + 1] != '\n');
        line += ends;
        column = ends ? 1 : column + 1;
    }
    report(source->path, line, column, "error", "not-utf-8", "the file is not UTF-8", NULL);
    return 0;
}

/* Where each line begins, as cmark counts them. */
typedef struct {
    size_t *starts;
    int count;
} Lines;

static Lines lines_of(const Source *source) {
    Lines lines = {malloc((source->length + 1) * sizeof(size_t)), 0};
    if (!lines.starts) abort();
    lines.starts[lines.count++] = 0;
    for (size_t i = 0; i < source->length; i++) {
        char c = source->text[i];
        if (c == '\n' || (c == '\r' && (i + 1 == source->length || source->text[i + 1] != '\n'))) lines.starts[lines.count++] = i + 1;
    }
    return lines;
}

/* A link or an image: cmark knows the line it ends in, so the line is that of what is first in it. */
static int line_of(cmark_node *node) {
    cmark_node *child = cmark_node_first_child(node);
    int line = child ? cmark_node_get_start_line(child) : 0;
    return line > 0 ? line : cmark_node_get_start_line(node);
}

static void check_url(const Source *source, const Options *options, cmark_node *node) {
    const char *url = cmark_node_get_url(node);
    if (!url) return;
    int line = line_of(node), column = cmark_node_get_start_column(node);
    cmark_chunk chunk = cmark_chunk_literal(url);
    if (!options->unsafe && scan_dangerous_url(&chunk, 0)) {
        warn(source, line, column, "dangerous-url", "this URL can run programs and is left out:", url);
        return;
    }
    switch (target_of(source->sources, source->path, url)) {
    case MISSING: warn(source, line, column, "not-found", "the module has no file", url); break;
    case OUTSIDE: warn(source, line, column, "outside", "this leads out of the module:", url); break;
    case PAGE: {
        if (cmark_node_get_type(node) != CMARK_NODE_LINK) break;
        char *compiled = compiled_url(url);
        if (!compiled || !cmark_node_set_url(node, compiled)) abort();
        free(compiled);
        break;
    }
    case ELSEWHERE:
    case THERE: break;
    }
}

/* Comments and ends of elements are left out too, but nobody misses them. */
static void check_html(const Source *source, cmark_node *node) {
    const char *html = cmark_node_get_literal(node);
    if (!html || strncmp(html, "<!--", 4) == 0 || strncmp(html, "</", 2) == 0) return;
    warn(source, cmark_node_get_start_line(node), cmark_node_get_start_column(node), "raw-html",
         "raw HTML is left out, unless the option `unsafe` is true", NULL);
}

/* What is text in the page though it was meant as a link: [this][label] or [label][], where there is no such label. */
static void check_text(const Source *source, const Lines *lines, cmark_node *node) {
    const char *text = cmark_node_get_literal(node);
    int line = cmark_node_get_start_line(node), column = cmark_node_get_start_column(node);
    if (!text || !strstr(text, "][") || line < 1 || line > lines->count || column < 1) return;
    /* Only what lies in the source as it is: brackets that were escaped are meant as text. */
    size_t from = lines->starts[line - 1] + (size_t)column - 1, length = strlen(text);
    if (from > source->length || length > source->length - from || memcmp(source->text + from, text, length) != 0) return;
    for (const char *at = text; (at = strstr(at, "][")) != NULL; at += 2) {
        const char *open = at;
        while (open > text && open[-1] != '[' && open[-1] != ']') open--;
        const char *end = at + 2 + strcspn(at + 2, "[]");
        if (open == text || open[-1] != '[' || *end != ']') continue;
        const char *label = end > at + 2 ? at + 2 : open;
        size_t size = (size_t)((label == open ? at : end) - label);
        if (size == 0) continue;
        char *named = strndup(label, size);
        if (!named) abort();
        warn(source, line, column + (int)(open - 1 - text), "undefined-reference", "no link is defined for", named);
        free(named);
        at = end - 2;
    }
}

char *compile_page(const Source *source, const Options *options) {
    if (!is_text(source)) return NULL;
    int flags = (options->smart ? CMARK_OPT_SMART : 0) | (options->hard_breaks ? CMARK_OPT_HARDBREAKS : 0) |
                (options->unsafe ? CMARK_OPT_UNSAFE : 0);
    /* With this, places within a line are right behind code and HTML over several lines. It is no option of what is rendered here. */
    cmark_node *document = cmark_parse_document(source->text, source->length, flags | CMARK_OPT_SOURCEPOS);
    Lines lines = lines_of(source);
    cmark_iter *iter = cmark_iter_new(document);
    for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
        if (event != CMARK_EVENT_ENTER) continue;
        cmark_node *node = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(node);
        if (type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE) check_url(source, options, node);
        else if (type == CMARK_NODE_TEXT) check_text(source, &lines, node);
        else if ((type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE) && !options->unsafe) check_html(source, node);
    }
    cmark_iter_free(iter);
    char *html = cmark_render_html(document, flags, NULL);
    cmark_node_free(document);
    free(lines.starts);
    return html;
}
