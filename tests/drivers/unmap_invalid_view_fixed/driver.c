/* Unmaps a view once. */
#include "rule.h"

NTKERNELAPI NTSTATUS NTAPI MmCreateSection(PVOID *ret, ACCESS_MASK access,
                                           POBJECT_ATTRIBUTES attributes, PLARGE_INTEGER size,
                                           ULONG protection, ULONG allocation, HANDLE handle,
                                           PFILE_OBJECT file);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER size = {.QuadPart = 4 * PAGE_SIZE};
    SIZE_T length = 0;
    PVOID section, view = NULL;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    status = MmCreateSection(&section, SECTION_ALL_ACCESS, NULL, &size, PAGE_READWRITE, SEC_COMMIT,
                             NULL, NULL);
    if (!NT_SUCCESS(status))
        return status;
    status = MmMapViewInSystemSpace(section, &view, &length);
    if (NT_SUCCESS(status)) {
        RtlFillMemory(view, length, 1);
        MmUnmapViewInSystemSpace(view);
    }
    ObDereferenceObject(section);
    return status;
}
