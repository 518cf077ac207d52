/*
 * Unwinding x64 driver frames by .pdata and .xdata.
 *
 * Everything that unwinding needs to know about an instruction address is fixed by the image, so it is
 * worked out once and cached: the register from which the frame is found, a constant, and the places of
 * saved registers and of the return address relative to that. Applying a description is a few loads.
 *
 * Unwind data and code bytes come from the file's bytes, not from mapped memory: the driver may have
 * damaged its copy, and breakpoints of cover.c stand in it. The stack is the driver's too: loads are
 * checked.
 *
 * Doc: Microsoft Learn, "x64 exception handling" (unwind data, epilogue code); "x64 prolog and epilog".
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
    CACHE_SIZE = 1024, /* power of two */
    CHAIN_MAX = 32,
    EPILOG_INSNS_MAX = 24,
    FX_XMM = 160,      /* offset of xmm0 in an FXSAVE image */
    NO_HANDLER = UNW_FLAG_NHANDLER,
};

struct slot {
    uint8_t reg;
    int32_t off;
};

/* How to leave the frame of code at `rip`. Offsets count from `origin` = gpr[base] + start. */
struct frame {
    uint64_t rip; /* 0: unused entry */
    uint8_t base;
    uint8_t gpr_count, xmm_count;
    bool is_machine;  /* a trap frame: rsp is loaded too */
    uint8_t est_base; /* establisher frame: gpr[est_base] + est_start */
    uint8_t handler_flags;
    int32_t start, est_start;
    int32_t ret; /* where the return address lies */
    uint32_t handler, handler_data; /* rva */
    int64_t function;               /* index into .pdata, -1 for a leaf */
    struct slot gpr[16], xmm[16];
};

/* One fragment's UNWIND_INFO, read. */
struct info {
    uint32_t rva;
    uint8_t version, flags, prolog, count, frame_reg;
    int32_t frame_off;
};

static struct {
    struct frame cache[CACHE_SIZE];
    ZydisDecoder decoder;
    bool has_decoder;
} g;

/* ---- Reading ---- */

static bool in_range(uint64_t addr, uint64_t low, uint64_t high)
{
    return addr >= low && addr + 8 <= high && addr + 8 > addr;
}

bool ke_stack_read(uint64_t addr, uint64_t *ret)
{
    struct ke_thread *t = ke_thread_now;

    if (t && (in_range(addr, t->stack_low, t->stack_high) || in_range(addr, t->exc_low, t->exc_high))) {
        *ret = pp_load64((const void *)addr);
        return true;
    }
    return os_peek(addr, ret, sizeof *ret) == sizeof *ret;
}

static struct info info_read(const struct pe_image *pe, uint32_t rva)
{
    struct info i = {.rva = rva};
    uint8_t b = pe_u8(pe, rva);

    i.version = b & 7;
    i.flags = b >> 3;
    i.prolog = pe_u8(pe, rva + 1);
    i.count = pe_u8(pe, rva + 2);
    b = pe_u8(pe, rva + 3);
    i.frame_reg = b & 15;
    i.frame_off = (b >> 4) * 16;
    return i;
}

static uint32_t code_at(const struct info *i, unsigned index)
{
    return i->rva + 4 + index * 2;
}

/* Behind the codes, an even number of them: handler, or the function this one continues. */
static uint32_t info_tail(const struct info *i)
{
    return code_at(i, (i->count + 1u) & ~1u);
}

/* Slots that a code takes up. */
static unsigned code_slots(const struct info *i, unsigned op, unsigned op_info)
{
    switch (op) {
    case UWOP_ALLOC_LARGE:
        return op_info ? 3 : 2;
    case UWOP_SAVE_NONVOL:
    case UWOP_SAVE_XMM128:
        return 2;
    case UWOP_SAVE_NONVOL_FAR:
    case UWOP_SAVE_XMM128_FAR:
        return 3;
    case UWOP_EPILOG:
        return i->version >= 2 ? 1 : 2;
    case UWOP_SPARE_CODE:
        return 3;
    default:
        return 1;
    }
}

static struct pe_function direct(const struct pe_image *pe, struct pe_function fn)
{
    for (unsigned n = 0; (fn.unwind & RUNTIME_FUNCTION_INDIRECT) && n < CHAIN_MAX; n++) {
        uint32_t at = fn.unwind & ~1u;

        fn = (struct pe_function){pe_u32(pe, at), pe_u32(pe, at + 4), pe_u32(pe, at + 8)};
    }
    return fn;
}

/* The function whose fragment `fn` is: ends of chains name the same function. */
static struct pe_function primary(const struct pe_image *pe, struct pe_function fn)
{
    for (unsigned n = 0; n < CHAIN_MAX; n++) {
        struct info i = info_read(pe, fn.unwind);
        uint32_t at = info_tail(&i);

        if (!(i.flags & UNW_FLAG_CHAININFO))
            break;
        fn = direct(pe, (struct pe_function){pe_u32(pe, at), pe_u32(pe, at + 4), pe_u32(pe, at + 8)});
    }
    return fn;
}

/* ---- Building a description ---- */

static void add_slot(struct slot *slots, uint8_t *count, unsigned reg, int32_t off)
{
    for (unsigned i = 0; i < *count; i++) { /* the one saved first in the function counts */
        if (slots[i].reg == reg) {
            slots[i].off = off;
            return;
        }
    }
    if (*count < 16)
        slots[(*count)++] = (struct slot){(uint8_t)reg, off};
}

/* Undo one code. `cur` is the simulated rsp; false when the frame ends here (machine frame). */
static bool code_undo(const struct pe_image *pe, const struct info *i, unsigned index, struct frame *f,
                      int32_t *cur)
{
    uint32_t at = code_at(i, index);
    unsigned op = pe_u8(pe, at + 1) & 15, op_info = pe_u8(pe, at + 1) >> 4;

    switch (op) {
    case UWOP_PUSH_NONVOL:
        add_slot(f->gpr, &f->gpr_count, op_info, *cur);
        *cur += 8;
        break;
    case UWOP_ALLOC_LARGE:
        *cur += op_info ? (int32_t)pe_u32(pe, at + 2) : pe_u16(pe, at + 2) * 8;
        break;
    case UWOP_ALLOC_SMALL:
        *cur += (int32_t)op_info * 8 + 8;
        break;
    case UWOP_SET_FPREG:
        *cur = 0;
        break;
    case UWOP_SAVE_NONVOL:
        add_slot(f->gpr, &f->gpr_count, op_info, pe_u16(pe, at + 2) * 8);
        break;
    case UWOP_SAVE_NONVOL_FAR:
        add_slot(f->gpr, &f->gpr_count, op_info, (int32_t)pe_u32(pe, at + 2));
        break;
    case UWOP_SAVE_XMM128:
        add_slot(f->xmm, &f->xmm_count, op_info, pe_u16(pe, at + 2) * 16);
        break;
    case UWOP_SAVE_XMM128_FAR:
        add_slot(f->xmm, &f->xmm_count, op_info, (int32_t)pe_u32(pe, at + 2));
        break;
    case UWOP_PUSH_MACHFRAME:
        *cur += op_info ? 8 : 0;
        f->is_machine = true;
        return false;
    default:
        break;
    }
    return true;
}

/* Undo what of the prologue has run at `off` in the fragment `fn`, then all of what it continues. */
static void prologue_undo(const struct pe_image *pe, struct pe_function fn, uint32_t off, struct frame *f)
{
    struct info i = info_read(pe, fn.unwind);
    bool is_whole = false;
    int32_t cur = 0;

    for (unsigned n = 0; n < CHAIN_MAX; n++) {
        for (unsigned k = 0; k < i.count;) {
            uint32_t at = code_at(&i, k);
            unsigned op = pe_u8(pe, at + 1) & 15, op_info = pe_u8(pe, at + 1) >> 4;

            if ((is_whole || off >= pe_u8(pe, at)) && !(op == UWOP_EPILOG) &&
                !code_undo(pe, &i, k, f, &cur)) {
                f->ret = cur;
                return;
            }
            k += code_slots(&i, op, op_info);
        }
        if (!(i.flags & UNW_FLAG_CHAININFO))
            break;
        fn.unwind = pe_u32(pe, info_tail(&i) + 8);
        fn = direct(pe, fn);
        i = info_read(pe, fn.unwind);
        is_whole = true;
    }
    f->ret = cur;
}

/* Has the prologue set the frame register at `off`? */
static bool has_frame_reg(const struct pe_image *pe, const struct info *i, uint32_t off)
{
    if (!i->frame_reg)
        return false;
    if (off >= i->prolog || (i->flags & UNW_FLAG_CHAININFO))
        return true;
    for (unsigned k = 0; k < i->count;) {
        uint32_t at = code_at(i, k);
        unsigned op = pe_u8(pe, at + 1) & 15;

        if (op == UWOP_SET_FPREG)
            return off >= pe_u8(pe, at);
        k += code_slots(i, op, pe_u8(pe, at + 1) >> 4);
    }
    return false;
}

/* ---- Epilogues ---- */

/* Version 2 lists them: is rva inside one? */
static bool is_listed_epilogue(const struct pe_image *pe, const struct info *i, struct pe_function fn,
                               uint32_t rva)
{
    uint32_t size = 0;
    bool is_first = true;

    for (unsigned k = 0; i->version >= 2 && k < i->count; k++) {
        uint32_t at = code_at(i, k);
        uint32_t low = pe_u8(pe, at), b = pe_u8(pe, at + 1), from_end;

        if ((b & 15) != UWOP_EPILOG)
            break;
        if (is_first) {
            size = low;
            from_end = (b >> 4) & 1 ? size : 0;
        } else {
            from_end = low | (b >> 4) << 8;
        }
        is_first = false;
        if (from_end && rva >= fn.end - from_end && rva < fn.end - from_end + size)
            return true;
    }
    return false;
}

/* A jump out of the function ends it like a return; inside (or between its fragments) it does not. */
static bool leaves_function(const struct pe_image *pe, struct pe_function fn, uint32_t target)
{
    int64_t index;

    if (target >= fn.begin && target < fn.end)
        return false;
    index = pe_find_function(pe, target);
    if (index < 0)
        return true;
    return primary(pe, direct(pe, pe_function_at(pe, (uint32_t)index))).begin !=
           primary(pe, fn).begin;
}

static bool is_exit(const struct pe_image *pe, struct pe_function fn, uint32_t p)
{
    uint8_t b0 = pe_u8(pe, p), b1 = pe_u8(pe, p + 1);

    if (b0 == 0xC3 || b0 == 0xC2 || ((b0 == 0xF3 || b0 == 0xF2) && b1 == 0xC3))
        return true;
    if (b0 == 0xEB)
        return leaves_function(pe, fn, (uint32_t)((int32_t)p + 2 + (int8_t)b1));
    if (b0 == 0xE9)
        return leaves_function(pe, fn, p + 5 + pe_u32(pe, p + 1));
    if (b0 == 0xFF && b1 == 0x25) /* through an import slot */
        return true;
    /* An indirect tail call carries a REX.W prefix to tell it from a jump table. */
    return (b0 & 0xF8) == 0x48 && b1 == 0xFF && (pe_u8(pe, p + 2) & 0x38) == 0x20;
}

/* add rsp, n / lea rsp, [frame register + n]: its length, 0 when it is neither. */
static uint32_t epilogue_dealloc(const struct pe_image *pe, uint32_t p, const struct info *i,
                                 struct frame *f, int32_t *cur)
{
    uint8_t b0 = pe_u8(pe, p), b1 = pe_u8(pe, p + 1), b2 = pe_u8(pe, p + 2);
    uint32_t sib = (i->frame_reg & 7) == 4;

    if (b0 == 0x48 && b1 == 0x83 && b2 == 0xC4) {
        *cur += (int8_t)pe_u8(pe, p + 3);
        return 4;
    }
    if (b0 == 0x48 && b1 == 0x81 && b2 == 0xC4) {
        *cur += (int32_t)pe_u32(pe, p + 3);
        return 7;
    }
    if (!i->frame_reg || b0 != (i->frame_reg >= 8 ? 0x49 : 0x48) || b1 != 0x8D ||
        (b2 & 0x3F) != (0x20 | (i->frame_reg & 7)))
        return 0;
    if (b2 >> 6 == 1)
        f->start = (int8_t)pe_u8(pe, p + 3 + sib);
    else if (b2 >> 6 == 2)
        f->start = (int32_t)pe_u32(pe, p + 3 + sib);
    else
        return 0;
    f->base = i->frame_reg;
    *cur = 0;
    return (b2 >> 6 == 1 ? 4 : 7) + sib;
}

static uint32_t insn_length(const struct pe_image *pe, uint32_t p)
{
    ZydisDecodedInstruction insn;
    ZydisDecoderContext ctx;
    size_t size;
    const uint8_t *bytes = pe_span(pe, p, &size);

    if (!g.has_decoder) {
        ZydisDecoderInit(&g.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        g.has_decoder = true;
    }
    if (!bytes || !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&g.decoder, &ctx, bytes, size, &insn)))
        return 0;
    return insn.length;
}

/* When the code at rva is inside an epilogue: what the rest of it does. A listed epilogue (version 2)
 * may hold other instructions between. */
static bool epilogue_undo(const struct pe_image *pe, struct pe_function fn, const struct info *i,
                          uint32_t rva, struct frame *f)
{
    bool is_listed = is_listed_epilogue(pe, i, fn, rva), is_popping = false;
    struct frame try = *f;
    uint32_t p = rva;
    int32_t cur = 0;

    try.base = OS_RSP;
    try.start = 0;
    for (unsigned n = 0; n < EPILOG_INSNS_MAX; n++) {
        uint32_t len = is_popping ? 0 : epilogue_dealloc(pe, p, i, &try, &cur);
        uint8_t b0 = pe_u8(pe, p);

        is_popping = true;
        if (len) {
            p += len;
            continue;
        }
        if (is_exit(pe, fn, p)) {
            try.ret = cur;
            *f = try;
            return true;
        }
        if (b0 >= 0x58 && b0 <= 0x5F) {
            add_slot(try.gpr, &try.gpr_count, b0 & 7u, cur);
            len = 1;
        } else if ((b0 & 0xF0) == 0x40 && (pe_u8(pe, p + 1) & 0xF8) == 0x58) {
            add_slot(try.gpr, &try.gpr_count, (pe_u8(pe, p + 1) & 7u) | (b0 & 1u) << 3, cur);
            len = 2;
        }
        if (len) {
            cur += 8;
        } else {
            len = is_listed ? insn_length(pe, p) : 0;
            is_popping = false;
            if (!len)
                return false;
        }
        p += len;
    }
    return false;
}

/* ---- Descriptions ---- */

static void frame_build(const struct ke_image *im, uint64_t rip, struct frame *f)
{
    const struct pe_image *pe = im->pe;
    uint32_t rva = (uint32_t)(rip - im->base);
    struct pe_function fn;
    struct info i;
    uint32_t off;

    memset(f, 0, sizeof *f);
    f->rip = rip;
    f->base = f->est_base = OS_RSP;
    f->function = pe_find_function(pe, rva);
    if (f->function < 0)
        return; /* a leaf: the return address is on top */
    fn = direct(pe, pe_function_at(pe, (uint32_t)f->function));
    if (fn.begin >= fn.end)
        return; /* damaged table: like a leaf */
    off = rva - fn.begin;
    i = info_read(pe, fn.unwind);
    if (has_frame_reg(pe, &i, off)) {
        f->base = f->est_base = i.frame_reg;
        f->start = f->est_start = -i.frame_off;
    }
    /* Also before the end of the prologue: one that is spread over the body may contain an early return. */
    if (epilogue_undo(pe, fn, &i, rva, f))
        return;
    if (off >= i.prolog) {
        struct info last = info_read(pe, primary(pe, fn).unwind);

        if (last.flags & (UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER)) {
            f->handler_flags = last.flags & (UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER);
            f->handler = pe_u32(pe, info_tail(&last));
            f->handler_data = info_tail(&last) + 4;
        }
    }
    prologue_undo(pe, fn, off, f);
}

static const struct frame *frame_of(const struct ke_image *im, uint64_t rip)
{
    struct frame *f = &g.cache[(rip ^ rip >> 10 ^ rip >> 20) % CACHE_SIZE];

    if (f->rip != rip)
        frame_build(im, rip, f);
    return f;
}

static bool frame_leave(const struct frame *f, struct os_regs *r, KNONVOLATILE_CONTEXT_POINTERS *slots)
{
    uint64_t origin = r->gpr[f->base] + (uint64_t)(int64_t)f->start;
    uint64_t at = origin + (uint64_t)(int64_t)f->ret;
    uint64_t rip, rsp = at + 8, v[2];

    if (!ke_stack_read(at, &rip) || (f->is_machine && !ke_stack_read(at + 24, &rsp)))
        return false;
    for (unsigned i = 0; i < f->gpr_count; i++) {
        uint64_t p = origin + (uint64_t)(int64_t)f->gpr[i].off;

        if (!ke_stack_read(p, &v[0]))
            return false;
        r->gpr[f->gpr[i].reg] = v[0];
        if (slots)
            slots->IntegerContext[f->gpr[i].reg] = (PULONG64)p;
    }
    for (unsigned i = 0; i < f->xmm_count; i++) {
        uint64_t p = origin + (uint64_t)(int64_t)f->xmm[i].off;

        if (!ke_stack_read(p, &v[0]) || !ke_stack_read(p + 8, &v[1]))
            return false;
        memcpy(r->fx + FX_XMM + 16u * f->xmm[i].reg, v, 16);
        if (slots)
            slots->FloatingContext[f->xmm[i].reg] = (PM128A)p;
    }
    r->rip = rip;
    r->gpr[OS_RSP] = rsp;
    return true;
}

bool ke_unwind_step(struct os_regs *r)
{
    struct ke_image *im = ke_image_at(r->rip);

    return im && frame_leave(frame_of(im, r->rip), r, NULL);
}

bool ke_unwind_frame(struct os_regs *r, struct ke_frame *ret, KNONVOLATILE_CONTEXT_POINTERS *slots)
{
    struct ke_image *im = ke_image_at(r->rip);
    const struct frame *f;

    if (!im)
        return false;
    f = frame_of(im, r->rip);
    memset(ret, 0, sizeof *ret);
    ret->image_base = im->base;
    if (f->function >= 0)
        ret->function = im->base + pe_image_info(im->pe)->pdata_rva +
                        (uint64_t)f->function * sizeof(RUNTIME_FUNCTION);
    ret->establisher = r->gpr[f->est_base] + (uint64_t)(int64_t)f->est_start;
    ret->handler_flags = f->handler_flags;
    if (f->handler_flags) {
        ret->handler = im->base + f->handler;
        ret->handler_data = im->base + f->handler_data;
    }
    return frame_leave(f, r, slots);
}
