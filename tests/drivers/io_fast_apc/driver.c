/* Its fast I/O routine returns inside a critical region. */
#include "rule.h"

static FAST_IO_DISPATCH fast;

static BOOLEAN NTAPI on_fast(PFILE_OBJECT file, BOOLEAN wait, PVOID in, ULONG in_size, PVOID out, ULONG out_size,
                             ULONG code, PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(file);
    UNREFERENCED_PARAMETER(wait);
    UNREFERENCED_PARAMETER(in);
    UNREFERENCED_PARAMETER(in_size);
    UNREFERENCED_PARAMETER(out);
    UNREFERENCED_PARAMETER(out_size);
    UNREFERENCED_PARAMETER(code);
    UNREFERENCED_PARAMETER(iosb);
    UNREFERENCED_PARAMETER(device);
    KeEnterCriticalRegion();
    return FALSE;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(device);
    fast.SizeOfFastIoDispatch = sizeof fast;
    fast.FastIoDeviceControl = on_fast;
    driver->FastIoDispatch = &fast;
    return STATUS_SUCCESS;
}
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return STATUS_SUCCESS;
}
