/* The frame of a rule driver: a device \Device\Rule, link \DosDevices\Rule, and one request (IOCTL
 * 0x222000) that runs provoke(). Unload runs finish() first. A test driver implements these two. */
#ifndef RULE_H
#define RULE_H

#include <ntddk.h>

#define RULE_TAG 'eluR' /* shown as "Rule" */
#define RULE_IOCTL 0x222000

/* DriverEntry's own part; most drivers leave it out with RULE_NOTHING_AT_START. */
NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device);
/* The deed (or its corrected twin). Its status completes the request. */
NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp);
void finish(PDRIVER_OBJECT driver);

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

/* Keeps the compiler from seeing through a pointer that is about to be misused. */
static inline PVOID blind(PVOID p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}

#endif
