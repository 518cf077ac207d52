#ifndef POOLPROOF_TESTS_PE_FIXTURE_H
#define POOLPROOF_TESTS_PE_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "pe/pe.h"
#include "sample.h"

/* Parse what the writer holds; the test ends when that is refused. */
struct pe_image *accept(const struct pw *w);
/* The image is refused, and the reason contains `words`. */
void refuse(const struct pw *w, const char *words);

#endif
