/* UTF-8 and UTF-16, both ways and without loss: a surrogate that stands alone becomes its three
 * bytes
 * ("generalized UTF-8") and comes back as it was. */
#ifndef POOLPROOF_BASE_UTF_H
#define POOLPROOF_BASE_UTF_H

#include "base/base.h"

/*
 * Convert; what is no UTF-8 becomes U+FFFD.
 *
 * units  how many 16-bit units `s` has
 * size   bytes of `s`
 * ret    [3 * units] bytes, or [size] units: always enough
 *
 * Returns how many bytes, or units, were written. No terminator is added.
 */
size_t pp_utf8_from_utf16(const uint16_t *s, size_t units, char *ret);
size_t pp_utf16_from_utf8(const char *s, size_t size, uint16_t *ret);
bool pp_is_utf8(const char *s, size_t size);
/* The character of a byte of code page 1252, what Windows calls ANSI in Western Europe. */
uint16_t pp_ansi_char(uint8_t c);

#endif
