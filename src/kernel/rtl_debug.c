/*
 * Debug output and break points. Text goes to the host as bytes, wide characters as UTF-8. Every
 * message is passed on, whatever its component and level: the host decides what to show.
 *
 * There is no kernel debugger: a break point is noted and the driver goes on, which is what it
 * would see after the debugger's "g". Windows without a debugger would stop with the exception.
 */
#include "kernel/kernel_priv.h"

enum { TEXT_MAX = 512, CALLBACKS_MAX = 8, PREFIX_MAX = 128 };

static struct {
    uint64_t callbacks[CALLBACKS_MAX];    /* DbgSetDebugPrintCallback */
    const struct ke_gate_record *calling; /* the print that is telling callbacks, on this thread: */
    const struct ke_thread *thread;
} g;

/* Does this print come from a callback? A print that was given up inside one (ke_contain) leaves
 * its mark behind; what prints later lies no deeper on the gate stack and is not taken for nested.
 */
static bool is_nested(void)
{
    return g.calling && g.thread == ke_thread_now && ke_gate_import() > g.calling;
}

/* Doc: wdm.h (not documented as a page), DbgSetDebugPrintCallback: VOID (PSTRING text, ULONG
 * component, ULONG level). What a callback prints itself is not shown to callbacks. */
static void tell_callbacks(const char *text, size_t size, ULONG component, ULONG level)
{
    STRING *copy;

    if (is_nested())
        return;
    g.calling = ke_gate_import();
    g.thread = ke_thread_now;
    for (unsigned i = 0; i < CALLBACKS_MAX; i++) {
        if (!g.callbacks[i])
            continue;
        copy = ex_alloc_kernel(sizeof *copy + size, "Dbgp", false);
        __builtin_memcpy(copy + 1, text, size);
        *copy = (STRING){(USHORT)size, (USHORT)size, (PCHAR)(copy + 1)};
        (void)ke_call(g.callbacks[i], KE_ARG(copy), component, level);
        ex_free_kernel(copy);
    }
    g.calling = NULL;
}

static ULONG print(PCSZ prefix, ULONG component, ULONG level, PCSTR format, NT_VA_LIST ap)
{
    char text[TEXT_MAX + 1];
    size_t used = PP_MIN(__builtin_strlen(prefix), (size_t)PREFIX_MAX);
    int n;

    __builtin_memcpy(text, prefix, used);
    n = rtl_vformat(text + used, sizeof text - used, format, ap);
    if (n < 0)
        return (ULONG)STATUS_INVALID_PARAMETER;
    used = PP_MIN(used + (size_t)n, sizeof text - 1);
    if (ke_m.config.host.debug_print)
        ke_m.config.host.debug_print(ke_m.config.host.ctx, text, used);
    tell_callbacks(text, used, component, level);
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-dbgprint. 512 bytes of a message are sent, the rest is cut. */
NT_EXPORT ULONG NTAPI DbgPrint(PCSTR format, ...)
{
    NT_VA_LIST ap;
    ULONG status;

    NT_VA_START(ap, format);
    status = print("", DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, format, ap);
    NT_VA_END(ap);
    return status;
}

/* Doc: nf-wdm-dbgprintex. */
NT_EXPORT ULONG NTAPI DbgPrintEx(ULONG component, ULONG level, PCSTR format, ...)
{
    NT_VA_LIST ap;
    ULONG status;

    NT_VA_START(ap, format);
    status = print("", component, level, format, ap);
    NT_VA_END(ap);
    return status;
}

/* Doc: wdm.h, DbgPrintReturnControlC. No debugger, no Ctrl+C. */
NT_EXPORT ULONG NTAPI DbgPrintReturnControlC(PCSTR format, ...)
{
    NT_VA_LIST ap;
    ULONG status;

    NT_VA_START(ap, format);
    status = print("", DPFLTR_DEFAULT_ID, DPFLTR_INFO_LEVEL, format, ap);
    NT_VA_END(ap);
    return status;
}

/* Doc: wdm.h, vDbgPrintEx. */
NT_EXPORT ULONG NTAPI vDbgPrintEx(ULONG component, ULONG level, PCSTR format, NT_VA_LIST ap)
{
    return print("", component, level, format, ap);
}

/* Doc: wdm.h, vDbgPrintExWithPrefix. */
NT_EXPORT ULONG NTAPI vDbgPrintExWithPrefix(PCSZ prefix, ULONG component, ULONG level, PCSTR format,
                                            NT_VA_LIST ap)
{
    return print(prefix, component, level, format, ap);
}

/* Doc: nf-ntddk-dbgprompt. Without a debugger nobody answers: no characters. */
NT_EXPORT ULONG NTAPI DbgPrompt(PCSZ question, PCHAR ret_answer, ULONG size)
{
    if (ke_m.config.host.debug_print)
        ke_m.config.host.debug_print(ke_m.config.host.ctx, question, __builtin_strlen(question));
    if (size) {
        mm_check_range(ret_answer, 1, true);
        *ret_answer = 0;
    }
    return 0;
}

/* Doc: wdm.h, DbgSetDebugPrintCallback. */
NT_EXPORT NTSTATUS NTAPI DbgSetDebugPrintCallback(PVOID routine, BOOLEAN enable)
{
    uint64_t wanted = enable ? 0 : KE_ARG(routine);

    for (unsigned i = 0; i < CALLBACKS_MAX; i++) {
        if (g.callbacks[i] == wanted) {
            g.callbacks[i] = enable ? KE_ARG(routine) : 0;
            return STATUS_SUCCESS;
        }
    }
    return enable ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
}

static void note(const char *what, uint64_t detail)
{
    uint64_t caller = ke_caller();
    struct ke_image *image = ke_image_at(caller);
    char text[160];

    pp_fmt(text, sizeof text, "%s(0x%llx) called at %s+0x%llx: there is no debugger, going on",
           what, (unsigned long long)detail, image ? image->name : "?",
           (unsigned long long)(image ? caller - image->base : caller));
    if (ke_m.config.host.note)
        ke_m.config.host.note(ke_m.config.host.ctx, text);
}

/* Doc: nf-wdm-dbgbreakpoint. */
NT_EXPORT VOID NTAPI DbgBreakPoint(void)
{
    note("DbgBreakPoint", 0);
}

/* Doc: nf-wdm-dbgbreakpointwithstatus. */
NT_EXPORT VOID NTAPI DbgBreakPointWithStatus(ULONG status)
{
    note("DbgBreakPointWithStatus", status);
}

/* Doc: ntddk.h, RtlAssert, behind ASSERT and ASSERTMSG in checked builds: the failed expression
 * goes to the debugger, which would ask what to do; here the driver goes on. */
NT_EXPORT VOID NTAPI RtlAssert(PCSTR assertion, PCSTR file, ULONG line, PCSTR message)
{
    char text[TEXT_MAX];
    size_t n = pp_fmt(text, sizeof text,
                      "*** Assertion failed: %.200s%.100s\n***   Source File: %.150s, line %u\n",
                      message ? message : "", assertion ? assertion : "", file ? file : "", line);

    if (ke_m.config.host.debug_print)
        ke_m.config.host.debug_print(ke_m.config.host.ctx, text, n);
    note("RtlAssert", line);
}
