/*
 * Native work of the host that calls into drivers: each piece runs in a thread of the model, inside
 * a boundary where containment ends.
 */
#include "kernel/io_nt.h"

struct job {
    void (*fn)(void *arg);
    void *arg;
    bool is_done, aborted, is_request, abandoned;
};

static NTAPI void job_inside(struct job *j)
{
    j->fn(j->arg);
}

static void job_thread(void *arg)
{
    struct job *j = arg;
    const uint64_t argv[1] = {KE_ARG(j)};

    if (ke_thread_now->object)
        ke_thread_now->object->Tcb.PreviousMode = j->is_request ? UserMode : KernelMode;
    (void)ke_callout(KE_ARG(job_inside), KE_CALL_BOUNDARY, &j->aborted, 1, argv);
    j->is_done = true;
    if (j->abandoned)
        pp_free(j);
}

static bool job_done(void *ctx)
{
    return ((struct job *)ctx)->is_done;
}

enum io_ran io_run(void (*fn)(void *arg), void *arg, bool is_request)
{
    struct job *j = pp_new(sizeof *j);
    bool aborted;

    PP_ASSERT(j);
    j->fn = fn;
    j->arg = arg;
    j->is_request = is_request;
    (void)ke_thread_new(job_thread, j, is_request);
    if (!ke_run_until(job_done, j)) {
        j->abandoned = true;
        return IO_BLOCKED;
    }
    aborted = j->aborted;
    pp_free(j);
    return aborted ? IO_ABORTED : IO_RAN;
}
