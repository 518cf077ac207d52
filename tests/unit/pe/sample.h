/* The sample driver: every table of pe_writer.h and the code of sample_code.S. */
#ifndef POOLPROOF_TESTS_PE_SAMPLE_H
#define POOLPROOF_TESTS_PE_SAMPLE_H

#include "pe_writer.h"

#define SAMPLE_HIDDEN __attribute__((visibility("hidden")))
extern const uint8_t sample_code[] SAMPLE_HIDDEN, sample_code_end[] SAMPLE_HIDDEN;
extern const uint8_t sample_entry_end[] SAMPLE_HIDDEN, sample_chain[] SAMPLE_HIDDEN;
extern const uint8_t sample_chain_end[] SAMPLE_HIDDEN, sample_tables[] SAMPLE_HIDDEN;
extern const uint8_t sample_table4[] SAMPLE_HIDDEN, sample_tables_end[] SAMPLE_HIDDEN;
extern const uint8_t sample_stack_location[] SAMPLE_HIDDEN, sample_unload[] SAMPLE_HIDDEN;
extern const uint8_t sample_unload_end[] SAMPLE_HIDDEN, sample_leaf[] SAMPLE_HIDDEN;
extern const uint8_t sample_framework[] SAMPLE_HIDDEN, sample_framework_end[] SAMPLE_HIDDEN;
extern const uint8_t sample_rotated[] SAMPLE_HIDDEN, sample_rotated_case[] SAMPLE_HIDDEN;
extern const uint8_t sample_rotated_end[] SAMPLE_HIDDEN;

/* The rva of a label of sample_code.S. */
#define SAMPLE_RVA(label) (PW_TEXT + (uint32_t)(sample_##label - sample_code))

void sample_write(struct pw *w);

#endif
