/* Each way in which a file is not a driver we can load, and the words that say so. */
#include "fixture.h"

static struct pw w;

static void sample(void)
{
    sample_write(&w);
}

TestSuite(refusals, .init = sample);

Test(refusals, not_an_image)
{
    w.size = 10;
    refuse(&w, "no MZ header");
    sample();
    w.file[0] = 'N';
    refuse(&w, "no MZ header");
    sample();
    pw_header32(&w, 0x3C, 0x7FFFFFF0);
    refuse(&w, "behind the end of the file");
    pw_header32(&w, 0x3C, 0xFFFFFFFF);
    refuse(&w, "behind the end of the file");
    sample();
    w.file[PW_NT] = 'N';
    refuse(&w, "no PE signature");
}

Test(refusals, other_machines)
{
    static const struct {
        uint16_t machine;
        const char *words;
    } all[] = {
        {0x14C, "32-bit x86 image"},
        {0xAA64, "ARM64 image"},
        {0x1C4, "32-bit ARM"},
        {0x200, "Itanium"},
        {0x1234, "unknown machine 0x1234"},
    };

    for (size_t i = 0; i < PP_COUNT(all); i++) {
        pw_header16(&w, PW_NT + 4, all[i].machine);
        refuse(&w, all[i].words);
    }
    sample();
    pw_header16(&w, PW_OPT, 0x10B);
    refuse(&w, "32-bit (PE32)");
    pw_header16(&w, PW_OPT, 0x107);
    refuse(&w, "optional header of kind 0x107");
}

Test(refusals, not_drivers)
{
    static const struct {
        uint16_t subsystem;
        const char *words;
    } all[] = {
        {2, "user-mode program or library, subsystem Windows GUI"},
        {3, "subsystem console"},
        {10, "EFI image"},
        {16, "boot application"},
        {99, "unknown subsystem (99)"},
    };

    for (size_t i = 0; i < PP_COUNT(all); i++) {
        pw_header16(&w, PW_OPT + 68, all[i].subsystem);
        refuse(&w, all[i].words);
    }
    pw_header16(&w, PW_NT + 22, 0x2022); /* a user-mode library */
    pw_header16(&w, PW_OPT + 68, 2);
    refuse(&w, "not a driver");
    sample();
    pw_header16(&w, PW_NT + 22, 0x0020);
    refuse(&w, "not linked");
    sample();
    pw_dir(&w, 9, PW_RD, 40);
    refuse(&w, "uses thread-local storage (TLS directory), which kernel drivers cannot have");
    sample();
    pw_dir(&w, 14, PW_RD, 72);
    refuse(&w, "managed (.NET) image");
    sample();
    pw_header32(&w, PW_OPT + 16, 0);
    refuse(&w, "has no entry point");
}

Test(refusals, bad_numbers)
{
    pw_header32(&w, PW_OPT + 32, 0x1001);
    refuse(&w, "section alignment 0x1001");
    pw_header32(&w, PW_OPT + 32, 0);
    refuse(&w, "section alignment 0x0");
    pw_header32(&w, PW_OPT + 32, 0x100);
    refuse(&w, "section alignment 0x100");
    pw_header32(&w, PW_OPT + 36, 0x80);
    refuse(&w, "is below a page");
    sample();
    pw_header32(&w, PW_OPT + 56, 0);
    refuse(&w, "image size 0x0");
    pw_header32(&w, PW_OPT + 56, PE_IMAGE_MAX + 1);
    refuse(&w, "image size");
    sample();
    pw_header32(&w, PW_OPT + 60, 0x100000);
    refuse(&w, "headers of 0x100000 bytes");
    sample();
    pw_header32(&w, PW_OPT + 16, 0x100000);
    refuse(&w, "entry point 0x100000 lies outside");
    sample();
    pw_header16(&w, PW_NT + 20, 120);
    refuse(&w, "too short for 16 directories");
    pw_header16(&w, PW_NT + 20, 100);
    refuse(&w, "optional header of kind 0x20b and 100 bytes");
    pw_header16(&w, PW_NT + 20, 0xFFFF);
    refuse(&w, "ends inside the optional header");
}

Test(refusals, stripped_out_of_reach)
{
    pw_dir(&w, 5, 0, 0);
    pw_header16(&w, PW_NT + 22, 0x0023);
    pw_header64(&w, PW_OPT + 24, 0xFFFFF80000000000ull);
    refuse(&w, "relocations were stripped");
}

Test(refusals, sections)
{
    pw_header16(&w, PW_NT + 6, 0);
    refuse(&w, "0 sections");
    pw_header16(&w, PW_NT + 6, 97);
    refuse(&w, "97 sections");
    sample();
    w.size = PW_SECTIONS + 100;
    pw_header32(&w, PW_OPT + 60, 0x100);
    refuse(&w, "ends inside the section table");
    sample();
    pw_header32(&w, PW_SECTIONS + 40 + 12, 0x2000);
    refuse(&w, "section \".rdata\" at 0x2000 overlaps");
    pw_header32(&w, PW_SECTIONS + 40 + 12, 0x3010);
    refuse(&w, "section \".rdata\" at 0x3010 is not aligned");
    sample();
    pw_header32(&w, PW_SECTIONS + 40 + 8, 0xFFFFF000);
    refuse(&w, "section \".rdata\" does not fit");
    sample();
    pw_header32(&w, PW_SECTIONS + 40 + 20, 0xFFFFF000);
    refuse(&w, "truncated: section \".rdata\"");
    sample();
    w.size -= 1;
    refuse(&w, "truncated: section \".reloc\"");
}

Test(refusals, flat_layout_differs)
{
    pw_init(&w, 0x80);
    pw_section(&w, ".text", 0x80, 0x80, PW_CODE);
    pw_header32(&w, PW_SECTIONS + 20, 0x380);
    refuse(&w, "lies at 0x380 in the file and 0x400 in memory");
}

Test(refusals, relocations)
{
    pw_put16(&w, PW_REL + 8, 5 << 12);
    refuse(&w, "relocation of unknown type 5");
    sample();
    pw_put32(&w, PW_REL, 0x100000);
    refuse(&w, "relocation at 0x100018, outside");
    pw_put32(&w, PW_REL, 0xFFFFFFF0);
    refuse(&w, "outside the image");
    sample();
    pw_put32(&w, PW_REL + 4, 4);
    refuse(&w, "relocation block of 4 bytes");
    pw_put32(&w, PW_REL + 4, 0x80000000);
    refuse(&w, "relocation block of 2147483648 bytes");
    sample();
    pw_put16(&w, PW_REL + 26, 4 << 12);
    refuse(&w, "lacks its second half");
    sample();
    pw_dir(&w, 5, 0x100000, 28);
    refuse(&w, "relocation directory lies outside");
}

Test(refusals, imports)
{
    pw_dir(&w, 1, 0x100000, 40);
    refuse(&w, "import directory leaves the image");
    sample();
    pw_put32(&w, PW_RD_IMPORTS + 12, 0x4800); /* zeroes behind the file's data */
    refuse(&w, "names no readable module");
    sample();
    pw_put32(&w, PW_RD_IMPORTS, 0xFFFFFFF8);
    refuse(&w, "import table of ntoskrnl.exe leaves the image");
    sample();
    pw_put32(&w, PW_RD_IMPORTS + 16, 0xFFFFFFF8);
    refuse(&w, "address table of ntoskrnl.exe leaves the image");
    sample();
    pw_put64(&w, PW_RD_NAMES, 0x100000);
    refuse(&w, "its name at 0x100000, outside");
    pw_put64(&w, PW_RD_NAMES, 0x10000000000ull);
    refuse(&w, "outside the image");
    pw_put64(&w, PW_RD_NAMES, 0x4800);
    refuse(&w, "an import of ntoskrnl.exe has no readable name");
    sample();
    pw_string(&w, PW_RD_STRINGS, "a\nb");
    refuse(&w, "names no readable module");
    sample();
    pw_put32(&w, PW_RD_DELAY + 4, 0x4800);
    refuse(&w, "names no readable module");
    pw_dir(&w, 13, 0x100000, 32);
    refuse(&w, "delay import directory leaves the image");
}

Test(refusals, endless_imports)
{
    /* Every descriptor leads to the same long table: the total is what is bounded. */
    sample();
    memset(pw_p(&w, PW_TEXT), 0x11, 0x1800);
    for (uint32_t i = 0; i < 0x2FF; i++)
        pw_put64(&w, PW_TEXT + 8 * i, 1ull << 63 | i);
    pw_put64(&w, PW_TEXT + 8 * 0x2FF, 0);
    for (uint32_t i = 0; i < 0xE00 / 20 - 1; i++) {
        pw_put32(&w, PW_RD + 20 * i, PW_TEXT);
        pw_put32(&w, PW_RD + 20 * i + 12, PW_DT + 0x100);
        pw_put32(&w, PW_RD + 20 * i + 16, PW_TEXT);
    }
    pw_string(&w, PW_DT + 0x100, "module.sys");
    refuse(&w, "more than 65536 imports");
}

Test(refusals, exports_and_functions)
{
    pw_dir(&w, 0, 0x100000, 0x40);
    refuse(&w, "export directory lies outside");
    sample();
    pw_put32(&w, PW_RD_EXPORTS + 20, 0x10000000);
    refuse(&w, "268435456 exports");
    sample();
    pw_put32(&w, PW_RD_EXPORTS + 28, 0x100000);
    refuse(&w, "export table lies outside");
    sample();
    pw_dir(&w, 3, 0x100000, 12);
    refuse(&w, "function table (.pdata)");
    pw_dir(&w, 3, PW_PD + 2, 12);
    refuse(&w, "function table (.pdata)");
    pw_dir(&w, 3, PW_PD, 0x10000000);
    refuse(&w, "function table (.pdata)");
}

Test(refusals, every_prefix)
{
    /* No length of file crashes; only the whole one is accepted. */
    size_t whole = w.size;

    for (w.size = 0; w.size < whole; w.size += w.size < 0x400 ? 1 : 37)
        refuse(&w, "");
}
