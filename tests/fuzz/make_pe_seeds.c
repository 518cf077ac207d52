/*
 * Writes the seeds in corpus/pe: images of our own making, each with other features.
 *
 *   make_pe_seeds tests/fuzz/corpus/pe
 */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "sample.h"

static struct pw w;

static int save(const char *folder, const char *name)
{
    char path[4096];
    FILE *f;

    pp_fmt(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (!f || fwrite(w.file, 1, w.size, f) != w.size || fclose(f)) {
        perror(path);
        return 1;
    }
    return 0;
}

/* Sections share pages; the file is laid out like memory. */
static void write_flat(uint32_t align)
{
    static const uint8_t code[] = {0x31, 0xC0, 0xC3}; /* xor eax, eax; ret */

    pw_init(&w, align);
    pw_copy(&w, pw_section(&w, ".text", sizeof code, sizeof code, PW_CODE), code, sizeof code);
    pw_section(&w, ".data", align, align, PW_DATA);
}

/* Switches over control codes at the entry of .pdata functions with handlers. */
static void write_handlers(void)
{
    sample_write(&w);
    pw_put32(&w, PW_RD_UNWIND, 0x00000009); /* an exception handler, then its scope table */
    pw_put32(&w, PW_RD_UNWIND + 4, SAMPLE_RVA(stack_location));
    pw_put32(&w, PW_RD_UNWIND + 8, 1);
    pw_put32(&w, PW_RD_UNWIND + 12, PW_TEXT);
    pw_put32(&w, PW_RD_UNWIND + 16, PW_TEXT + 0x10);
    pw_put32(&w, PW_RD_UNWIND + 20, 1);
    pw_put32(&w, PW_RD_UNWIND + 24, PW_TEXT + 0x15);
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: make_pe_seeds FOLDER\n");
        return 2;
    }
    sample_write(&w);
    failed |= save(argv[1], "sample.pe");
    pw_dir(&w, 5, 0, 0);
    pw_dir(&w, 13, 0, 0);
    pw_header16(&w, PW_NT + 22, 0x2022);
    failed |= save(argv[1], "export_driver.pe");
    write_handlers();
    failed |= save(argv[1], "handlers.pe");
    write_flat(0x20);
    failed |= save(argv[1], "flat20.pe");
    write_flat(0x80);
    failed |= save(argv[1], "flat80.pe");
    write_flat(0x200);
    failed |= save(argv[1], "flat200.pe");
    return failed;
}
