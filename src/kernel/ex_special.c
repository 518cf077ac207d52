/*
 * Special pool by tag or by size for the whole system, and the side of the block that is guarded:
 * what GFlags stores in the registry (PoolTag, PoolTagOverruns). It adds to the verifier's special
 * pool, which is by driver; neither turns the other off, and both obey the side.
 *
 * Doc: Windows driver documentation, "Special Pool" and "Using GFlags"; the value's encoding in
 * docs/gflags.1. Not documented: which of two readings of a short tag holds; zero and blank padding
 * count as equal here.
 */
#include "kernel/kernel_priv.h"

enum {
    ELIGIBLE_MAX =
        PP_PAGE_SIZE -
        16, /* larger ones go to ordinary pool on Windows: header and block fill a page */
    HEADER = 16,
};

static struct {
    uint32_t pool_tag; /* 0: off */
    enum pl_edge edge; /* PL_EDGE_DEFAULT: the machine's own */
} g;

static uint8_t padded(uint8_t c)
{
    return c ? c : ' ';
}

static bool tag_matches(uint32_t pattern, uint32_t tag)
{
    for (unsigned i = 0; i < 32; i += 8) {
        uint8_t p = (uint8_t)(pattern >> i), c = (uint8_t)(tag >> i);

        if (p == '*')
            return true;
        if (p != '?' && padded(p) != padded(c))
            return false;
    }
    return true;
}

bool ex_special_matches(uint32_t pool_tag, size_t size, uint32_t tag)
{
    if (!pool_tag)
        return false;
    if (pool_tag < PP_PAGE_SIZE && pool_tag != '*' &&
        pp_align_up(size ? size : 1, HEADER) + HEADER == pool_tag)
        return true;
    return tag_matches(pool_tag, tag & ~PROTECTED_POOL);
}

bool ex_special_wanted(size_t size, uint32_t tag)
{
    if (size > ELIGIBLE_MAX && ke_m.config.like_windows)
        return false;
    return ex_special_matches(g.pool_tag, size, tag);
}

enum pl_edge ex_special_edge(enum pl_edge asked)
{
    return asked ? asked : g.edge;
}

struct ke_gflags ke_gflags(void)
{
    return (struct ke_gflags){KE_DATA->NtGlobalFlag, g.pool_tag, g.edge != PL_EDGE_START};
}

void ke_gflags_set(const struct ke_gflags *flags)
{
    KE_DATA->NtGlobalFlag = flags->global_flag;
    g.pool_tag = flags->pool_tag;
    g.edge = flags->pool_tag_overruns ? PL_EDGE_DEFAULT : PL_EDGE_START;
}

#define SESSION_KEY "Machine\\System\\CurrentControlSet\\Control\\Session Manager"

void ex_special_load(void)
{
    static const char memory_key[] = SESSION_KEY "\\Memory Management";
    struct ke_gflags flags = {.pool_tag_overruns = 1}; /* what is absent keeps these */

    (void)cm_dword(SESSION_KEY, "GlobalFlag", &flags.global_flag);
    (void)cm_dword(memory_key, "PoolTag", &flags.pool_tag);
    (void)cm_dword(memory_key, "PoolTagOverruns", &flags.pool_tag_overruns);
    ke_gflags_set(&flags);
}

static void which_words(char *buf, size_t size)
{
    char tag[5] = "";

    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(g.pool_tag >> (8 * i));

        tag[i] = c >= 0x20 && c < 0x7F ? c : c ? '.' : '\0';
    }
    if (g.pool_tag == '*')
        pp_fmt(buf, size, "every allocation");
    else if (g.pool_tag >= PP_PAGE_SIZE)
        pp_fmt(buf, size, "%s \"%s\"", __builtin_strpbrk(tag, "*?") ? "tags" : "tag", tag);
    else if (g.pool_tag % HEADER || g.pool_tag < 2 * HEADER)
        pp_fmt(buf, size, "tag 0x%x", g.pool_tag);
    else
        pp_fmt(buf, size, "blocks of %u to %u bytes", g.pool_tag - 2 * HEADER + 1,
               g.pool_tag - HEADER);
}

bool ke_special_words(char *buf, size_t size)
{
    const char *side = g.edge == PL_EDGE_START ? "Verify Start" : "Verify End";
    char which[40];

    if (g.pool_tag) {
        which_words(which, sizeof which);
        pp_fmt(buf, size, "special pool for %s of all drivers, %s", which, side);
    } else if (g.edge == PL_EDGE_START) {
        pp_fmt(buf, size, "%s", side);
    } else {
        return false;
    }
    return true;
}
