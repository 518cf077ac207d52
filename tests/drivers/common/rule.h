/* The frame of a rule driver: a device \Device\Rule, link \DosDevices\Rule, and one request (IOCTL
 * 0x222000, or the same with another transfer method) that runs provoke(). Unload runs finish() first.
 * A test driver implements these two, and start() when it needs something before the request. */
#ifndef RULE_H
#define RULE_H

/* The header's own forms of these write CR8 themselves; current kits import the routines. */
#define KfRaiseIrql raise_irql_inline
#define KeLowerIrql lower_irql_inline
#include <ntddk.h>
#undef KfRaiseIrql
#undef KeLowerIrql
NTKERNELAPI KIRQL NTAPI KfRaiseIrql(KIRQL to);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL to);

#define RULE_TAG 'eluR' /* shown as "Rule" */
#define RULE_IOCTL 0x222000
#define DEVICE_IRQL 5 /* where an interrupt service routine runs */

/* A call in the last line returns here, so that reports name the line. */
#define RULE_PART __attribute__((disable_tail_calls))

/* DriverEntry's own part; most drivers leave it out with RULE_NOTHING_AT_START. */
RULE_PART NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device);
/* The deed (or its corrected twin). Its status completes the request. */
RULE_PART NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp);
RULE_PART void finish(PDRIVER_OBJECT driver);
/* Set by a provoke() that completes the request itself, or keeps it: the frame then only returns. */
extern BOOLEAN rule_done;

#define RULE_NOTHING_AT_START                                                                      \
    NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)                                   \
    {                                                                                              \
        UNREFERENCED_PARAMETER(driver);                                                            \
        UNREFERENCED_PARAMETER(device);                                                            \
        return STATUS_SUCCESS;                                                                     \
    }
#define RULE_NOTHING_AT_END                                                                        \
    void finish(PDRIVER_OBJECT driver)                                                             \
    {                                                                                              \
        UNREFERENCED_PARAMETER(driver);                                                            \
    }

/* Services that the header leaves to ntifs.h. */
NTSYSAPI NTSTATUS NTAPI ZwCreateEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                                      EVENT_TYPE type, BOOLEAN is_set);
NTSYSAPI NTSTATUS NTAPI ZwOpenEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes);
NTSYSAPI NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE handle, BOOLEAN alertable, PLARGE_INTEGER timeout);

/* Keeps the compiler from seeing through a pointer that is about to be misused. */
static inline PVOID blind(PVOID p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}

#endif
