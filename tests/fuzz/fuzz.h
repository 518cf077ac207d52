/* One entry point per parser; libFuzzer and standalone.c both call it. */
#ifndef POOLPROOF_TESTS_FUZZ_H
#define POOLPROOF_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must return 0; what is wrong with the parser shows as a crash, an assertion or a hang. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
