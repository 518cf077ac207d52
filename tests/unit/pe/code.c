/* What the walker reads from code that we know. */
#include "fixture.h"

static struct pw w;
static struct pe_image *img;
static struct pe_code *code;

static void walk(void)
{
    img = accept(&w);
    cr_assert_eq(pe_code_walk(img, &code), 0);
}

static void sample(void)
{
    sample_write(&w);
    walk();
}

static void done(void)
{
    pe_code_free(code);
    pe_image_free(img);
}

TestSuite(code, .init = sample, .fini = done);

static const struct pe_ioctl *ioctl_of(uint32_t value)
{
    for (size_t i = 0; i < code->ioctl_count; i++)
        if (code->ioctls[i].code == value)
            return &code->ioctls[i];
    return NULL;
}

static const struct pe_block *block_over(uint32_t rva)
{
    for (size_t i = 0; i < code->block_count; i++)
        if (rva >= code->blocks[i].rva && rva - code->blocks[i].rva < code->blocks[i].size)
            return &code->blocks[i];
    return NULL;
}

static unsigned insns_of(enum pe_insn_kind kind)
{
    unsigned n = 0;

    for (size_t i = 0; i < code->insn_count; i++)
        n += code->insns[i].kind == kind;
    return n;
}

Test(code, dispatch_routines)
{
    cr_assert_eq(code->dispatch.major[14], SAMPLE_RVA(chain));
    cr_assert_eq(code->dispatch.major[15], SAMPLE_RVA(tables));
    cr_assert_eq(code->dispatch.major[0], SAMPLE_RVA(leaf));
    cr_assert_eq(code->dispatch.major[1], 0);
    cr_assert_eq(code->dispatch.unload, SAMPLE_RVA(unload));
}

Test(code, control_codes_of_chains)
{
    /* sub; je; sub; je; cmp; je; lea; dec; jne: sums and differences of one number */
    static const uint32_t codes[] = {0x222003, 0x222007, 0x22203F, 0x222048};

    for (size_t i = 0; i < PP_COUNT(codes); i++) {
        cr_assert_not_null(ioctl_of(codes[i]), "0x%x", codes[i]);
        cr_assert(ioctl_of(codes[i])->is_certain);
    }
}

Test(code, control_codes_of_tables)
{
    static const uint32_t codes[] = {0x9C402400, 0x9C402404, 0x9C402408, 0x9C40240C};

    for (size_t i = 0; i < PP_COUNT(codes); i++) {
        cr_assert_not_null(ioctl_of(codes[i]), "0x%x", codes[i]);
        cr_assert(ioctl_of(codes[i])->is_certain);
    }
    cr_assert_null(ioctl_of(0x9C402401), "leads to the default");
    cr_assert_null(ioctl_of(2), "a second switch over small numbers");
}

Test(code, control_codes_rotated)
{
    cr_assert_not_null(ioctl_of(0x80882004));
    cr_assert_not_null(ioctl_of(0x8088200C));
    cr_assert_not_null(ioctl_of(0x80882010));
    cr_assert_null(ioctl_of(0x80882008), "leads to the default");
    cr_assert(ioctl_of(0x80882010)->is_certain);
}

Test(code, control_codes_without_a_type)
{
    /* Next to eight certain codes only those of a known device type count. */
    cr_assert_not_null(ioctl_of(0x22E004));
    cr_assert_not(ioctl_of(0x22E004)->is_certain);
    cr_assert_not_null(ioctl_of(0x22E008));
    cr_assert_null(ioctl_of(0x80012000));
    done();
    /* Alone, as in a framework's driver, they do. */
    memset(pw_p(&w, SAMPLE_RVA(chain)), 0xC3, sample_table4 - sample_chain);
    walk();
    cr_assert_not_null(ioctl_of(0x80012000));
    cr_assert_not_null(ioctl_of(0x80012004), "by a bit test");
    cr_assert_not_null(ioctl_of(0x80012008), "by a bit test");
    cr_assert_null(ioctl_of(0x80012005));
}

Test(code, blocks_are_code)
{
    const struct pe_block *b = block_over(SAMPLE_RVA(chain));
    uint32_t end = 0;

    cr_assert_not_null(b);
    cr_assert_eq(b->rva, SAMPLE_RVA(chain));
    cr_assert_eq(b->size, 0x16, "up to the first branch, 0x%x", b->size);
    for (size_t i = 0; i < code->block_count; i++) {
        cr_assert_geq(code->blocks[i].rva, end, "sorted, no overlap");
        end = code->blocks[i].rva + code->blocks[i].size;
    }
    cr_assert_null(block_over(SAMPLE_RVA(table4)), "a jump table in the function");
    cr_assert_null(block_over(SAMPLE_RVA(table4) + 15));
    cr_assert_not_null(block_over(SAMPLE_RVA(table4) - 1));
    cr_assert_null(block_over(SAMPLE_RVA(entry_end) + 0x1000));
    cr_assert_not_null(block_over(SAMPLE_RVA(leaf)), "found by its address alone");
    cr_assert_null(block_over(SAMPLE_RVA(framework) - 16), "text behind the leaf");
    cr_assert_null(block_over(SAMPLE_RVA(unload_end)));
    cr_assert_gt(code->instruction_count, 70);
}

Test(code, a_block_never_starts_at_a_breakpoint)
{
    for (size_t i = 0; i < code->block_count; i++)
        cr_assert_neq(pe_u8(img, code->blocks[i].rva), 0xCC);
}

Test(code, names)
{
    static const struct {
        enum pe_name_kind kind;
        const char *text;
    } want[] = {
        {PE_NAME_DEVICE, "\\Device\\Sample"},
        {PE_NAME_LINK, "\\DosDevices\\SampleLink"},
        {PE_NAME_LINK, "\\??\\SampleOdd"},
        {PE_NAME_ROUTINE, "PsGetVersion"},
        {PE_NAME_HARDWARE, "usb\\vid_1234&pid_5678"},
        {PE_NAME_HARDWARE, "PCI\\VEN_1234&DEV_5678&*"},
    };

    cr_assert_eq(code->name_count, PP_COUNT(want));
    for (size_t i = 0; i < PP_COUNT(want); i++) {
        cr_assert_eq(code->names[i].kind, want[i].kind);
        cr_assert_str_eq(code->names[i].text, want[i].text);
    }
}

Test(code, the_function_of_a_bus_before_what_hangs_on_it)
{
    char id[PE_NAME_SIZE];

    cr_assert(pe_hardware_id(img, id));
    cr_assert_str_eq(id, "PCI\\VEN_1234&DEV_5678&*");
}

Test(code, tags)
{
    cr_assert_eq(code->tag_count, 3);
    cr_assert_eq(code->tags[0].tag, 0x32676154); /* Tag2, freed through a stub */
    cr_assert_eq(code->tags[1].tag, 0x33676154); /* Tag3, given to a wrapper */
    cr_assert_eq(code->tags[2].tag, 0x6B636148); /* Hack */
    cr_assert_eq(code->tags[2].uses, 1);
}

Test(code, tags_that_hide)
{
    static const uint8_t hack[] = {0x41, 0xB8, 0x48, 0x61, 0x63, 0x6B}; /* mov r8d, "Hack" */
    static const uint8_t load[] = {0x44, 0x8B, 0x41, 0x10, 0x90, 0x90}; /* mov r8d, [rcx + 16] */
    uint8_t *at = pw_p(&w, SAMPLE_RVA(chain));

    done();
    while (memcmp(at, hack, sizeof hack) != 0)
        at++;
    memcpy(at, load, sizeof load);
    walk();
    cr_assert_eq(code->tag_count, 3);
    cr_assert(code->tags[0].is_certain);
    cr_assert_eq(code->tags[2].tag, 0x39676154); /* Tag9, no call's operand */
    cr_assert_not(code->tags[2].is_certain);
}

Test(code, constants)
{
    cr_assert_eq(code->const_count, 3);
    cr_assert_eq(code->consts[0].kind, PE_CONST_KUSER);
    cr_assert_eq(code->consts[0].value, 0xFFFFF78000000320ull);
    cr_assert_eq(code->consts[1].kind, PE_CONST_COMPARED);
    cr_assert_eq(code->consts[1].value, 0xFFFF800000000000ull);
    cr_assert_eq(code->consts[2].kind, PE_CONST_OTHER);
}

Test(code, instructions)
{
    cr_assert_eq(insns_of(PE_INSN_CR8_READ), 1);
    cr_assert_eq(insns_of(PE_INSN_CR8_WRITE), 0);
    cr_assert_eq(insns_of(PE_INSN_IN), 1);
    cr_assert_eq(insns_of(PE_INSN_BREAK), 1);
    cr_assert_eq(insns_of(PE_INSN_FAST_FAIL), 1);
    for (int k = 0; k < PE_INSN_KIND_COUNT; k++)
        cr_assert_not_null(pe_insn_kind_name((enum pe_insn_kind)k));
}

Test(code, overlapping_readings_are_left_out)
{
    /* chain: jump into the middle of the first instruction's immediate. */
    static const uint8_t overlap[] = {
        0x31, 0xC0,             /* xor eax, eax */
        0x74, 0x02,             /* jz +2: into the middle of the next */
        0xB8, 0x90, 0x90, 0x90, /* mov eax, ... */
        0x90, 0xC3,
    };

    done();
    pw_copy(&w, SAMPLE_RVA(chain), overlap, sizeof overlap);
    walk();
    cr_assert_not_null(block_over(SAMPLE_RVA(chain)));
    cr_assert_null(block_over(SAMPLE_RVA(chain) + 4));
}
