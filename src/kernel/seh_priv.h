/* Shared by seh.c and seh_export.c: the walk over driver frames and the border. */
#ifndef POOLPROOF_SEH_PRIV_H
#define POOLPROOF_SEH_PRIV_H

/* A language handler that is being called; its gate record (KE_CALL_SEH) points here. An exception inside
 * it goes on from here. */
struct seh_call {
    bool is_unwind;
    struct os_regs origin;      /* search: where the exception happened; unwind: the frame being left */
    struct ke_gate_record *rec; /* records below this one are not crossed yet */
    DISPATCHER_CONTEXT *dc;
};

struct seh_walk {
    struct os_regs regs;        /* the frame to look at */
    struct ke_gate_record *rec; /* records below this one are not crossed yet */
    ULONG scope;                /* where its language handler goes on (collided unwind) */
    uint64_t nested_frame;      /* frame whose filter raised, until the walk has passed it; 0: none */
    unsigned frames;
};

/* From driver code at `r`: interrupted, or calling the running import. */
void seh_walk_init(struct seh_walk *w, const struct os_regs *r);
/* Cross the border where w->regs stand on it. True: driver code; false: no driver frames any more. */
bool seh_walk_cross(struct seh_walk *w);
/* ke_callout with the tag's data. */
uint64_t seh_callout(uint64_t target, enum ke_callout_tag tag, const struct seh_call *call,
                     const uint64_t argv[4]);

struct seh_target {
    struct os_regs start;     /* where to begin */
    uint64_t frame, ip;       /* establisher frame to stop at (0: none, "exit unwind") and where to go on */
    EXCEPTION_RECORD *record; /* NULL: made up */
    uint64_t value;           /* rax there */
};
PP_NORETURN void seh_unwind(const struct seh_target *t);
/* Go on in driver code at `r`, abandoning everything above it. */
PP_NORETURN void seh_resume(struct os_regs *r);

#endif
