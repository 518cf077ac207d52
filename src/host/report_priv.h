/* Shared by report.c (layout) and report_words.c (what to call things). */
#ifndef POOLPROOF_HOST_REPORT_PRIV_H
#define POOLPROOF_HOST_REPORT_PRIV_H

#include "host/host_priv.h"

const char *report_plural(uint64_t n);
const char *report_base(const char *path);
/* "DISPATCH_LEVEL (2)". Valid until the next call. */
const char *report_irql(unsigned irql);
/* Four printable characters. */
void report_tag(uint32_t tag, char ret[5]);
/* What a block of the kernel's own is, by its tag; NULL: nothing special. */
const char *report_kernel_tag(uint32_t tag);
/* The likely cause: the rule's sentence, or a better one where more is known. */
const char *report_cause(const struct host_verdict *v, const struct vf_finding *f);
/* "2 bytes past the end of", "8 bytes before the start of", "byte 16 of". */
void report_position(const struct vf_finding *f, char *buf, size_t size);
/* The address that was touched, also where it has no exact one (not canonical). */
uint64_t report_bad_address(const struct vf_finding *f);
/* What such an address may be: a fill pattern, next to NULL, a stack... or "". */
void report_address_words(const struct host_verdict *v, uint64_t addr, char *buf, size_t size);
/* Is frame `i` of the access stack the very instruction (not a return address)? */
bool report_is_exact(const struct vf_finding *f, uint32_t i);
/* "rule: what, where, by whom" without the program's name. */
void report_headline(struct host_symbols *s, const struct host_verdict *v,
                     const struct host_finding *h, char *buf, size_t size);
/* The lines of source around the culprit, where the file can be read. */
void report_source(struct host_symbols *s, const struct vf_finding *f, FILE *out);
/* A labelled paragraph of at most 100 columns. */
void report_wrapped(FILE *out, const char *label, const char *text);

#endif
