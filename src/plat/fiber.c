/* Fibers: a switch saves what the System V ABI says survives a call. Drivers' xmm6-15 are saved by the
 * ms_abi routines that call down to here. */
#include "plat/plat.h"

#ifdef PP_SANITIZE
#include <sanitizer/common_interface_defs.h>
#endif

/* fiber.S */
void os_fiber_swap(void **save_rsp, void *load_rsp);
void os_fiber_start(void);

void os_fiber_entered(os_fiber_fn fn, void *arg);

/* First code of a fiber, called by os_fiber_start. */
void os_fiber_entered(os_fiber_fn fn, void *arg)
{
#ifdef PP_SANITIZE
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
    fn(arg);
    pp_assert_failed(__FILE__, __LINE__, "a fiber's routine returned");
}

void os_fiber_init(struct os_fiber *f, uint64_t stack_low, uint64_t stack_high, os_fiber_fn fn,
                   void *arg)
{
    uint64_t *sp = (uint64_t *)(stack_high & ~63ull);

    f->stack_low = stack_low;
    f->stack_high = stack_high;
    f->asan_fake = NULL;
    *--sp = 0; /* end of the frame chain for debuggers */
    *--sp = (uint64_t)os_fiber_start;
    *--sp = 0;                /* rbp */
    *--sp = (uint64_t)fn;     /* rbx */
    *--sp = (uint64_t)arg;    /* r12 */
    *--sp = 0;                /* r13 */
    *--sp = 0;                /* r14 */
    *--sp = 0;                /* r15 */
    *--sp = 0x037F00001F80ull; /* x87 control word, mxcsr: Windows' kernel defaults */
    f->rsp = sp;
}

void os_fiber_adopt(struct os_fiber *f)
{
    f->rsp = NULL;
    f->stack_low = f->stack_high = 0;
    f->asan_fake = NULL;
}

void os_fiber_switch(struct os_fiber *from, struct os_fiber *to)
{
#ifdef PP_SANITIZE
    __sanitizer_start_switch_fiber(&from->asan_fake, (void *)to->stack_low,
                                   to->stack_high - to->stack_low);
#endif
    os_fiber_swap(&from->rsp, to->rsp);
#ifdef PP_SANITIZE
    __sanitizer_finish_switch_fiber(from->asan_fake, NULL, NULL);
#endif
}
