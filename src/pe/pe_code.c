/* The code walk as a whole: registry of functions and findings, order of work, results. */
#include "pe/pe_code_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNS_MAX = 6,    /* evaluations of one function */
    ROUNDS_MAX = 16, /* of guessing after everything known is followed */
    NEWS_MAX = 64,
    CONSTS_MAX = 1024,
    TAGS_MAX = 1024,
    IOCTLS_MAX = 1 << 16,
    STEPS_MAX = 16 << 20,
};

#define KUSER_BASE 0xFFFFF78000000000ull
#define UPPER_HALF 0xFFFF800000000000ull

void pc_push(struct pc_walk *w, struct pc_vec *vec, const void *item, size_t item_size)
{
    if (vec->count == vec->room) {
        size_t room = vec->room ? 2 * vec->room : 32;
        void *grown = pp_resize(vec->items, room * item_size);

        if (!grown) {
            w->out_of_memory = true;
            return;
        }
        vec->items = grown;
        vec->room = room;
    }
    memcpy((char *)vec->items + vec->count++ * item_size, item, item_size);
}

/* ---- Findings ---- */

void pc_ioctl_add(struct pc_walk *w, uint32_t code, uint32_t rva, bool is_certain)
{
    struct pe_ioctl found = {.code = code, .rva = rva, .is_certain = is_certain};

    if (w->ioctls.count < IOCTLS_MAX)
        pc_push(w, &w->ioctls, &found, sizeof found); /* repeats go when sorted */
}

static void tag_push(struct pc_walk *w, struct pc_vec *vec, const struct pe_tag *found)
{
    const struct pe_tag *tags = vec->items;

    for (size_t i = 0; i < vec->count; i++)
        if (tags[i].tag == found->tag && tags[i].rva == found->rva)
            return;
    if (vec->count < TAGS_MAX)
        pc_push(w, vec, found, sizeof *found);
}

void pc_tag_add(struct pc_walk *w, uint32_t tag, uint32_t rva)
{
    if (tag)
        tag_push(w, &w->tags,
                 &(struct pe_tag){.tag = tag, .rva = rva, .uses = 1, .is_certain = true});
}

/* Letters and digits, but for one other character; blanks only at the end. */
static bool is_tag_shaped(uint32_t tag)
{
    unsigned letters = 0, blanks = 0, others = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = tag >> 8 * i & 0xFF, lower = c | 0x20;

        if (blanks && c != ' ')
            return false;
        letters += (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        blanks += c == ' ';
        others += c == '_' || c == '-' || c == '.' || c == '#';
    }
    return letters >= 3 && letters + blanks + others == 4;
}

void pc_tag_guess(struct pc_walk *w, uint64_t value, uint32_t rva)
{
    if (value <= UINT32_MAX && is_tag_shaped((uint32_t)value))
        tag_push(w, &w->tag_guesses,
                 &(struct pe_tag){.tag = (uint32_t)value, .rva = rva, .uses = 1});
}

/* The default security cookie and its complement look like addresses. */
static bool is_cookie(uint64_t value)
{
    return value == 0x00002B992DDFA232ull || value == ~0x00002B992DDFA232ull;
}

void pc_const_add(struct pc_walk *w, uint64_t value, uint32_t rva, bool is_compared)
{
    struct pe_const found = {.value = value, .rva = rva};
    struct pe_const *consts = w->consts.items;

    if (is_cookie(value))
        return;
    if (value >= KUSER_BASE && value < KUSER_BASE + PP_PAGE_SIZE)
        found.kind = PE_CONST_KUSER;
    else if (value >= 0x00007FFFFFFE0000ull && value <= 0x0000800000000000ull)
        found.kind = PE_CONST_USER_LIMIT;
    else if (value >= 0xFFFFF68000000000ull && value < 0xFFFFF70000000000ull)
        found.kind = PE_CONST_PAGE_TABLES;
    else if (value >= UPPER_HALF && value < 0xFFFFFFFF00000000ull && is_compared)
        found.kind = PE_CONST_COMPARED;
    else if (value >= UPPER_HALF && value < 0xFFFFFE0000000000ull) /* above: negative times */
        found.kind = PE_CONST_OTHER;
    else
        return;
    if (found.kind == PE_CONST_USER_LIMIT && !is_compared)
        return;
    for (size_t i = 0; i < w->consts.count; i++)
        if (consts[i].value == value && consts[i].kind == found.kind)
            return;
    if (w->consts.count < CONSTS_MAX)
        pc_push(w, &w->consts, &found, sizeof found);
}

/* ---- Functions ---- */

static size_t slot_of(const struct pc_walk *w, uint32_t rva)
{
    const struct pc_function *f = w->functions.items;
    size_t mask = w->function_hash_size - 1;
    size_t h = (rva * 0x9E3779B1u >> 7) & mask;

    while (w->function_hash[h] && f[w->function_hash[h] - 1].rva != rva)
        h = (h + 1) & mask;
    return h;
}

static bool functions_grow(struct pc_walk *w)
{
    size_t size = w->function_hash_size ? 2 * w->function_hash_size : 256;
    uint32_t *grown = pp_new_array(size, sizeof *grown);
    const struct pc_function *f = w->functions.items;

    if (!grown) {
        w->out_of_memory = true;
        return false;
    }
    pp_free(w->function_hash);
    w->function_hash = grown;
    w->function_hash_size = size;
    for (uint32_t i = 0; i < w->functions.count; i++)
        w->function_hash[slot_of(w, f[i].rva)] = i + 1;
    return true;
}

struct pc_function *pc_function_get(struct pc_walk *w, uint32_t rva)
{
    struct pc_function fresh = {.rva = rva};
    size_t h;

    if (2 * w->functions.count >= w->function_hash_size && !functions_grow(w))
        return NULL;
    h = slot_of(w, rva);
    if (!w->function_hash[h]) {
        pc_push(w, &w->functions, &fresh, sizeof fresh);
        if (w->out_of_memory)
            return NULL;
        w->function_hash[h] = (uint32_t)w->functions.count;
    }
    return &((struct pc_function *)w->functions.items)[w->function_hash[h] - 1];
}

static void function_queue(struct pc_walk *w, struct pc_function *f)
{
    if (f->is_queued || f->runs >= RUNS_MAX)
        return;
    f->is_queued = true;
    pc_push(w, &w->queue, &f->rva, sizeof f->rva);
}

void pc_function_call(struct pc_walk *w, uint32_t rva, const uint8_t args[PC_ARGS])
{
    struct pc_function *f = pc_function_get(w, rva);
    bool news = f && f->runs == 0;

    for (unsigned i = 0; f && args && i < PC_ARGS; i++) {
        /* A number in the enum that is lower is the surer one; the first caller that knows wins. */
        if (args[i] && !f->args[i]) {
            f->args[i] = args[i];
            news = true;
        }
    }
    if (news)
        function_queue(w, f);
}

static void callers_queue(struct pc_walk *w, uint32_t callee)
{
    const struct pc_call *calls = w->calls.items;

    if (w->news_left == 0)
        return;
    w->news_left--;
    for (size_t i = 0; i < w->calls.count; i++) {
        struct pc_function *caller;

        if (calls[i].callee != callee)
            continue;
        caller = pc_function_get(w, calls[i].caller);
        if (caller)
            function_queue(w, caller);
    }
}

void pc_function_returns(struct pc_walk *w, uint32_t rva, uint8_t type)
{
    struct pc_function *f = pc_function_get(w, rva);

    if (!f || f->ret != PC_T_NONE)
        return;
    f->ret = type;
    callers_queue(w, rva);
}

void pc_function_takes_tag(struct pc_walk *w, uint32_t rva, unsigned arg)
{
    struct pc_function *f = pc_function_get(w, rva);

    if (!f || f->tag_args & 1u << arg)
        return;
    f->tag_args |= (uint8_t)(1u << arg);
    callers_queue(w, rva);
}

/* ---- Order of work ---- */

static int regions_index(struct pc_walk *w)
{
    size_t count;
    const struct pe_section *s = pe_sections(w->img, &count);

    w->regions = pp_new_array(count, sizeof *w->regions);
    if (!w->regions)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct pc_region *r = &w->regions[w->region_count];
        size_t have;

        if (!(s[i].prot & PE_EXEC))
            continue;
        r->bytes = pe_span(w->img, s[i].rva, &have);
        if (!r->bytes)
            continue;
        r->rva = s[i].rva;
        r->size = (uint32_t)have;
        r->index = w->mark_count;
        w->mark_count += have;
        w->region_count++;
    }
    w->marks = pp_new_array(w->mark_count, 1);
    return w->marks ? 0 : -ENOMEM;
}

static void functions_run(struct pc_walk *w)
{
    while (w->queue.count && w->steps_left && !w->out_of_memory) {
        uint32_t rva = ((uint32_t *)w->queue.items)[--w->queue.count];
        struct pc_function *f = pc_function_get(w, rva);
        uint8_t args[PC_ARGS];

        if (!f)
            return;
        f->is_queued = false;
        f->runs++;
        memcpy(args, f->args, sizeof args);
        pc_eval_function(w, rva, args);
    }
}

/* Blocks that no evaluated function leads to (handlers, targets of unread tables): run them for
 * what their instructions tell, from a state that knows nothing. */
static void leftovers_run(struct pc_walk *w)
{
    for (size_t r = 0; r < w->region_count; r++) {
        const uint8_t *marks = w->marks + w->regions[r].index;

        for (uint32_t i = 0; i < w->regions[r].size && w->steps_left && !w->out_of_memory; i++)
            if ((marks[i] & (PC_START | PC_LEADER | PC_EVALED)) == (PC_START | PC_LEADER))
                pc_eval_function(w, w->regions[r].rva + i, NULL);
    }
}

/* Arguments that are tags, of routines that nobody was seen to call: through a pointer, then. */
static bool has_hidden_callers(struct pc_walk *w)
{
    const struct pc_function *f = w->functions.items;
    const struct pc_call *calls = w->calls.items;

    for (size_t i = 0; i < w->functions.count; i++) {
        size_t k = 0;

        if (!f[i].tag_args || pc_thunk_import(w, f[i].rva))
            continue; /* a jump stub's callers were seen as callers of the import */
        while (k < w->calls.count && calls[k].callee != f[i].rva)
            k++;
        if (k == w->calls.count)
            return true;
    }
    return false;
}

/* Tags that were guessed count only where some were looked for in vain. */
static void tags_complete(struct pc_walk *w)
{
    const struct pe_tag *guesses = w->tag_guesses.items;

    if (!w->has_hidden_tags && !has_hidden_callers(w))
        return;
    for (size_t i = 0; i < w->tag_guesses.count; i++)
        tag_push(w, &w->tags, &guesses[i]);
}

static void walk_run(struct pc_walk *w)
{
    static const uint8_t entry_args[PC_ARGS] = {PC_T_DRIVER};
    uint32_t entry = pe_image_info(w->img)->entry_rva;

    pc_flow_roots(w);
    if (entry && pc_mark_at(w, entry))
        pc_function_call(w, entry, entry_args);
    for (int round = 0; round < ROUNDS_MAX && !w->out_of_memory; round++) {
        functions_run(w);
        leftovers_run(w);
        if ((!w->queue.count || !w->steps_left) && !pc_flow_guesses(w))
            break;
    }
    pc_names_scan(w);
    tags_complete(w);
}

/* ---- Results ---- */

static void blocks_collect(struct pc_walk *w, struct pe_code *code, struct pc_vec *blocks)
{
    for (size_t r = 0; r < w->region_count; r++) {
        const struct pc_region *region = &w->regions[r];
        const uint8_t *marks = w->marks + region->index;

        for (uint32_t i = 0; i < region->size;) {
            struct pe_block b = {.rva = region->rva + i};
            uint32_t count = 0;
            bool unsafe = false, ended = false;

            if ((marks[i] & (PC_START | PC_LEADER)) != (PC_START | PC_LEADER)) {
                i++;
                continue;
            }
            if (region->bytes[i] == 0xCC) /* the driver's own breakpoint: leave it alone */
                unsafe = true;
            do {
                ended = marks[i] & PC_END;
                unsafe |= (marks[i] & PC_UNSAFE) != 0;
                count++;
                for (i++; i < region->size && marks[i] & PC_TAIL; i++)
                    unsafe |= (marks[i] & PC_UNSAFE) != 0;
            } while (!ended && i < region->size && marks[i] & PC_START && !(marks[i] & PC_LEADER));
            b.size = region->rva + i - b.rva;
            if (unsafe)
                continue;
            code->instruction_count += count;
            pc_push(w, blocks, &b, sizeof b);
        }
    }
}

static int ioctl_compare(const void *a, const void *b)
{
    const struct pe_ioctl *x = a, *y = b;

    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    if (x->is_certain != y->is_certain)
        return x->is_certain ? -1 : 1;
    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

static int tag_compare(const void *a, const void *b)
{
    const struct pe_tag *x = a, *y = b;

    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    if (x->is_certain != y->is_certain)
        return x->is_certain ? -1 : 1;
    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

static int name_compare(const void *a, const void *b)
{
    const struct pe_name *x = a, *y = b;

    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

static int const_compare(const void *a, const void *b)
{
    const struct pe_const *x = a, *y = b;

    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

static int insn_compare(const void *a, const void *b)
{
    const struct pe_insn *x = a, *y = b;

    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

/* Next to certain codes, a number that is only shaped like one counts if its device type is one of
 * theirs. */
static size_t ioctls_filter(struct pe_ioctl *ioctls, size_t count)
{
    size_t kept = 0;

    for (size_t start = 0, end; start < count; start = end) {
        bool keep = false;

        for (end = start; end < count && ioctls[end].code >> 16 == ioctls[start].code >> 16; end++)
            keep |= ioctls[end].is_certain;
        for (size_t i = start; keep && i < end; i++)
            ioctls[kept++] = ioctls[i];
    }
    return kept;
}

/* Sorted, one entry for each code, the surest place first. */
static size_t ioctls_settle(struct pe_ioctl *ioctls, size_t count)
{
    size_t kept = 0, certain = 0;

    qsort(ioctls, count, sizeof *ioctls, ioctl_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept && ioctls[kept - 1].code == ioctls[i].code)
            continue;
        ioctls[kept++] = ioctls[i];
        certain += ioctls[i].is_certain;
    }
    return 2 * certain >= kept ? ioctls_filter(ioctls, kept) : kept;
}

static size_t tags_settle(struct pe_tag *tags, size_t count)
{
    size_t kept = 0;

    qsort(tags, count, sizeof *tags, tag_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept && tags[kept - 1].tag == tags[i].tag)
            tags[kept - 1].uses += tags[i].is_certain;
        else
            tags[kept++] = tags[i];
    }
    return kept;
}

/* A constant that is compared somewhere needs no second mention; nor does KUSER_SHARED_DATA's base
 * when the fields read are known. */
static size_t consts_settle(struct pe_const *consts, size_t count)
{
    size_t kept = 0, fields = 0;

    for (size_t i = 0; i < count; i++)
        fields += consts[i].kind == PE_CONST_KUSER && consts[i].value != KUSER_BASE;
    for (size_t i = 0; i < count; i++) {
        bool drop = fields && consts[i].kind == PE_CONST_KUSER && consts[i].value == KUSER_BASE;

        for (size_t k = 0; k < count && consts[i].kind == PE_CONST_OTHER; k++)
            drop |= consts[k].kind == PE_CONST_COMPARED && consts[k].value == consts[i].value;
        if (!drop)
            consts[kept++] = consts[i];
    }
    qsort(consts, kept, sizeof *consts, const_compare);
    return kept;
}

static void results_take(struct pc_walk *w, struct pe_code *code, struct pc_vec *blocks)
{
    code->blocks = blocks->items;
    code->block_count = blocks->count;
    code->ioctls = w->ioctls.items;
    code->ioctl_count = w->ioctls.count ? ioctls_settle(w->ioctls.items, w->ioctls.count) : 0;
    code->names = w->names.items;
    code->name_count = w->names.count;
    if (code->name_count)
        qsort(code->names, code->name_count, sizeof *code->names, name_compare);
    code->tags = w->tags.items;
    code->tag_count = w->tags.count ? tags_settle(w->tags.items, w->tags.count) : 0;
    code->consts = w->consts.items;
    code->const_count = w->consts.count ? consts_settle(w->consts.items, w->consts.count) : 0;
    code->insns = w->insns.items;
    code->insn_count = w->insns.count;
    if (code->insn_count)
        qsort(code->insns, code->insn_count, sizeof *code->insns, insn_compare);
    code->dispatch = w->dispatch;
}

static void walk_done(struct pc_walk *w)
{
    pp_free(w->regions);
    pp_free(w->marks);
    pp_free(w->todo.items);
    pp_free(w->guesses.items);
    pp_free(w->functions.items);
    pp_free(w->queue.items);
    pp_free(w->calls.items);
    pp_free(w->function_hash);
    pp_free(w->equals.items);
    pp_free(w->tag_guesses.items);
}

int pe_code_walk(const struct pe_image *img, struct pe_code **ret)
{
    struct pc_walk w = {.img = img, .news_left = NEWS_MAX};
    struct pe_code *code = pp_new(sizeof *code);
    struct pc_vec blocks = {0};
    int err = code ? regions_index(&w) : -ENOMEM;

    if (err) {
        walk_done(&w);
        pp_free(code);
        return err;
    }
    (void)ZydisDecoderInit(&w.decoder, ZYDIS_MACHINE_MODE_LONG_64,
                           ZYDIS_STACK_WIDTH_64); /* constant arguments: cannot fail */
    /* Seen: real drivers need at most 0.6 evaluated and 1.1 guessed instructions for each byte of
     * code. */
    w.steps_left = PP_MIN(4ull * w.mark_count + 100000, (uint64_t)STEPS_MAX);
    w.guess_steps_left = PP_MIN(4ull * w.mark_count + 10000, (uint64_t)STEPS_MAX);
    w.scopes_left = (uint32_t)(img->size / 16);
    walk_run(&w);
    blocks_collect(&w, code, &blocks);
    results_take(&w, code, &blocks);
    walk_done(&w);
    if (w.out_of_memory) {
        pe_code_free(code);
        return -ENOMEM;
    }
    *ret = code;
    return 0;
}

void pe_code_free(struct pe_code *code)
{
    if (!code)
        return;
    pp_free(code->blocks);
    pp_free(code->ioctls);
    pp_free(code->names);
    pp_free(code->tags);
    pp_free(code->consts);
    pp_free(code->insns);
    pp_free(code);
}

const char *pe_insn_kind_name(enum pe_insn_kind kind)
{
    static const char *const names[PE_INSN_KIND_COUNT] = {
        [PE_INSN_CR8_READ] = "mov from cr8",
        [PE_INSN_CR8_WRITE] = "mov to cr8",
        [PE_INSN_CR] = "control register",
        [PE_INSN_DR] = "debug register",
        [PE_INSN_IN] = "in",
        [PE_INSN_OUT] = "out",
        [PE_INSN_RDMSR] = "rdmsr",
        [PE_INSN_WRMSR] = "wrmsr",
        [PE_INSN_RDPMC] = "rdpmc",
        [PE_INSN_CLI_STI] = "cli/sti",
        [PE_INSN_HLT] = "hlt",
        [PE_INSN_FAST_FAIL] = "int 29h",
        [PE_INSN_ASSERT] = "int 2Ch",
        [PE_INSN_BREAK] = "int 3",
        [PE_INSN_INT] = "int",
        [PE_INSN_SYSCALL] = "syscall",
        [PE_INSN_TABLES] = "descriptor table",
        [PE_INSN_VMX] = "virtualization",
        [PE_INSN_RETURN] = "iretq/sysret/swapgs",
        [PE_INSN_CACHE] = "wbinvd/invlpg",
        [PE_INSN_SMAP] = "stac/clac",
        [PE_INSN_FLAGS] = "pushfq/popfq",
        [PE_INSN_TSC] = "rdtsc",
        [PE_INSN_CPUID] = "cpuid",
        [PE_INSN_GS] = "gs access",
    };

    return (unsigned)kind < PE_INSN_KIND_COUNT ? names[kind] : "?";
}
