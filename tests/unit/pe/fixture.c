#include "fixture.h"

#include <stdlib.h>

/* The files parsed so far: images read them until they are freed, and a test has few. */
static uint8_t *files[4096];
static size_t file_count;

/* On the heap and exactly as long as the file, so that a sanitizer sees reads behind its end. */
static uint8_t *exact(const struct pw *w)
{
    uint8_t *bytes = malloc(w->size);

    cr_assert_not_null(bytes);
    cr_assert_lt(file_count, PP_COUNT(files));
    files[file_count++] = bytes;
    memcpy(bytes, w->file, w->size);
    return bytes;
}

struct pe_image *accept(const struct pw *w)
{
    char why[PE_WHY_SIZE];
    struct pe_image *img = NULL;

    cr_assert_eq(pe_image_parse(exact(w), w->size, &img, why), 0, "refused: %s", why);
    return img;
}

void refuse(const struct pw *w, const char *words)
{
    char why[PE_WHY_SIZE];
    struct pe_image *img = NULL;

    cr_assert_eq(pe_image_parse(exact(w), w->size, &img, why), -ENOEXEC, "not refused for: %s",
                 words);
    cr_assert_null(img);
    cr_assert_not_null(strstr(why, words), "\"%s\" does not say \"%s\"", why, words);
    cr_assert_null(strchr(why, '\n'));
}
