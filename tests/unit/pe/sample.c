#include "sample.h"

static void tables_write(struct pw *w)
{
    /* The four blocks of sample_tables, found by their first bytes. */
    const uint8_t *code = sample_tables;
    uint32_t blocks[4], found = 0;

    for (; code < sample_table4 && found < 3; code++)
        if (code[0] == 0xB8 && code[1] == found + 1 && code[2] == 0 && found < 2)
            blocks[found++] = PW_TEXT + (uint32_t)(code - sample_code);
        else if (found == 2 && code[0] == 0x48 && code[1] == 0x8D && code[2] == 0x0D)
            blocks[found++] = PW_TEXT + (uint32_t)(code - sample_code);
    blocks[3] = SAMPLE_RVA(table4) - 5; /* add rsp, 40; ret */
    for (unsigned i = 0; i < 4; i++)
        pw_put32(w, PW_RD_TABLES + 4 * i, blocks[i]);
    for (unsigned i = 0; i < 13; i++)
        *pw_p(w, PW_RD_TABLES + 0x100 + i) = i % 4 ? 3 : (uint8_t)(i / 4 % 3);
    for (unsigned i = 0; i < 4; i++) /* relative to the table; the second is the default */
        pw_put32(w, PW_RD_TABLES + 0x20 + 4 * i,
                 SAMPLE_RVA(rotated_case) + (i == 1 ? 5 : 0) - (PW_RD_TABLES + 0x20));
}

void sample_write(struct pw *w)
{
    const struct pw_function functions[] = {
        {PW_TEXT, SAMPLE_RVA(entry_end)},
        {SAMPLE_RVA(chain), SAMPLE_RVA(chain_end)},
        {SAMPLE_RVA(tables), SAMPLE_RVA(tables_end)},
        {SAMPLE_RVA(unload), SAMPLE_RVA(unload_end)},
        {SAMPLE_RVA(framework), SAMPLE_RVA(framework_end)},
        {SAMPLE_RVA(rotated), SAMPLE_RVA(rotated_end)},
    };

    pw_driver(w, sample_code, (size_t)(sample_code_end - sample_code), functions,
              sizeof functions / sizeof functions[0]);
    tables_write(w);
    pw_wide(w, PW_RD_WIDE, "\\Device\\Sample");
    pw_wide(w, PW_RD_WIDE + 0x40, "\\DosDevices\\SampleLink");
    pw_wide(w, PW_RD_WIDE + 0x81, "\\??\\SampleOdd");
    pw_wide(w, PW_RD_WIDE + 0xC0, "PsGetVersion");
    pw_wide(w, PW_RD_WIDE + 0x100, "Exactly this is no routine");
    pw_wide(w, PW_RD_WIDE + 0x140, "EXIT");
    pw_wide(w, PW_RD_WIDE + 0x150, "usb\\vid_1234&pid_5678");
    pw_wide(w, PW_RD_WIDE + 0x190, "PCI\\VEN_1234&DEV_5678&*");
    pw_wide(w, PW_RD_WIDE + 0x1D0, "PCI\\ a sentence");
}
