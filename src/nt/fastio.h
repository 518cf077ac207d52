/*
 * Fast I/O: the table of routines that bypass IRPs.
 *
 * Doc: Microsoft Learn, FAST_IO_DISPATCH (ntifs.h, wdm.h).
 */
#ifndef NT_FASTIO_H
#define NT_FASTIO_H

#include "nt/ke.h"
#include "nt/mm.h"

/* Fast I/O: each routine may be NULL and may refuse by returning FALSE. */

struct _FILE_BASIC_INFORMATION;
struct _FILE_STANDARD_INFORMATION;
struct _FILE_NETWORK_OPEN_INFORMATION;
struct _COMPRESSED_DATA_INFO;

typedef BOOLEAN NTAPI FAST_IO_CHECK_IF_POSSIBLE(PFILE_OBJECT file, PLARGE_INTEGER offset,
                                                ULONG length, BOOLEAN wait, ULONG lock_key,
                                                BOOLEAN reading, PIO_STATUS_BLOCK status,
                                                PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_READ(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                   BOOLEAN wait, ULONG lock_key, PVOID buffer,
                                   PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef FAST_IO_READ FAST_IO_WRITE;
typedef BOOLEAN NTAPI FAST_IO_QUERY_BASIC_INFO(PFILE_OBJECT file, BOOLEAN wait,
                                               struct _FILE_BASIC_INFORMATION *info,
                                               PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_QUERY_STANDARD_INFO(PFILE_OBJECT file, BOOLEAN wait,
                                                  struct _FILE_STANDARD_INFORMATION *info,
                                                  PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_LOCK(PFILE_OBJECT file, PLARGE_INTEGER offset, PLARGE_INTEGER length,
                                   PEPROCESS process, ULONG key, BOOLEAN fail_immediately,
                                   BOOLEAN exclusive, PIO_STATUS_BLOCK status,
                                   PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_UNLOCK_SINGLE(PFILE_OBJECT file, PLARGE_INTEGER offset,
                                            PLARGE_INTEGER length, PEPROCESS process, ULONG key,
                                            PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_UNLOCK_ALL(PFILE_OBJECT file, PEPROCESS process,
                                         PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_UNLOCK_ALL_BY_KEY(PFILE_OBJECT file, PVOID process, ULONG key,
                                                PIO_STATUS_BLOCK status, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_DEVICE_CONTROL(PFILE_OBJECT file, BOOLEAN wait, PVOID input,
                                             ULONG input_length, PVOID output, ULONG output_length,
                                             ULONG code, PIO_STATUS_BLOCK status,
                                             PDEVICE_OBJECT device);
typedef VOID NTAPI FAST_IO_ACQUIRE_FILE(PFILE_OBJECT file);
typedef VOID NTAPI FAST_IO_RELEASE_FILE(PFILE_OBJECT file);
typedef VOID NTAPI FAST_IO_DETACH_DEVICE(PDEVICE_OBJECT source, PDEVICE_OBJECT target);
typedef BOOLEAN NTAPI FAST_IO_QUERY_NETWORK_OPEN_INFO(PFILE_OBJECT file, BOOLEAN wait,
                                                      struct _FILE_NETWORK_OPEN_INFORMATION *info,
                                                      PIO_STATUS_BLOCK status,
                                                      PDEVICE_OBJECT device);
typedef NTSTATUS NTAPI FAST_IO_ACQUIRE_FOR_MOD_WRITE(PFILE_OBJECT file, PLARGE_INTEGER end,
                                                     PERESOURCE *resource, PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_MDL_READ(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                       ULONG lock_key, PMDL *mdl, PIO_STATUS_BLOCK status,
                                       PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_MDL_READ_COMPLETE(PFILE_OBJECT file, PMDL mdl, PDEVICE_OBJECT device);
typedef FAST_IO_MDL_READ FAST_IO_PREPARE_MDL_WRITE;
typedef BOOLEAN NTAPI FAST_IO_MDL_WRITE_COMPLETE(PFILE_OBJECT file, PLARGE_INTEGER offset, PMDL mdl,
                                                 PDEVICE_OBJECT device);
typedef BOOLEAN NTAPI FAST_IO_READ_COMPRESSED(PFILE_OBJECT file, PLARGE_INTEGER offset,
                                              ULONG length, ULONG lock_key, PVOID buffer, PMDL *mdl,
                                              PIO_STATUS_BLOCK status,
                                              struct _COMPRESSED_DATA_INFO *info, ULONG info_length,
                                              PDEVICE_OBJECT device);
typedef FAST_IO_READ_COMPRESSED FAST_IO_WRITE_COMPRESSED;
typedef BOOLEAN NTAPI FAST_IO_QUERY_OPEN(PIRP irp, struct _FILE_NETWORK_OPEN_INFORMATION *info,
                                         PDEVICE_OBJECT device);
typedef NTSTATUS NTAPI FAST_IO_RELEASE_FOR_MOD_WRITE(PFILE_OBJECT file, PERESOURCE resource,
                                                     PDEVICE_OBJECT device);
typedef NTSTATUS NTAPI FAST_IO_ACQUIRE_FOR_CCFLUSH(PFILE_OBJECT file, PDEVICE_OBJECT device);
typedef NTSTATUS NTAPI FAST_IO_RELEASE_FOR_CCFLUSH(PFILE_OBJECT file, PDEVICE_OBJECT device);

typedef struct _FAST_IO_DISPATCH {
    ULONG SizeOfFastIoDispatch;
    FAST_IO_CHECK_IF_POSSIBLE *FastIoCheckIfPossible;
    FAST_IO_READ *FastIoRead;
    FAST_IO_WRITE *FastIoWrite;
    FAST_IO_QUERY_BASIC_INFO *FastIoQueryBasicInfo;
    FAST_IO_QUERY_STANDARD_INFO *FastIoQueryStandardInfo;
    FAST_IO_LOCK *FastIoLock;
    FAST_IO_UNLOCK_SINGLE *FastIoUnlockSingle;
    FAST_IO_UNLOCK_ALL *FastIoUnlockAll;
    FAST_IO_UNLOCK_ALL_BY_KEY *FastIoUnlockAllByKey;
    FAST_IO_DEVICE_CONTROL *FastIoDeviceControl;
    FAST_IO_ACQUIRE_FILE *AcquireFileForNtCreateSection;
    FAST_IO_RELEASE_FILE *ReleaseFileForNtCreateSection;
    FAST_IO_DETACH_DEVICE *FastIoDetachDevice;
    FAST_IO_QUERY_NETWORK_OPEN_INFO *FastIoQueryNetworkOpenInfo;
    FAST_IO_ACQUIRE_FOR_MOD_WRITE *AcquireForModWrite;
    FAST_IO_MDL_READ *MdlRead;
    FAST_IO_MDL_READ_COMPLETE *MdlReadComplete;
    FAST_IO_PREPARE_MDL_WRITE *PrepareMdlWrite;
    FAST_IO_MDL_WRITE_COMPLETE *MdlWriteComplete;
    FAST_IO_READ_COMPRESSED *FastIoReadCompressed;
    FAST_IO_WRITE_COMPRESSED *FastIoWriteCompressed;
    FAST_IO_MDL_READ_COMPLETE *MdlReadCompleteCompressed;
    FAST_IO_MDL_WRITE_COMPLETE *MdlWriteCompleteCompressed;
    FAST_IO_QUERY_OPEN *FastIoQueryOpen;
    FAST_IO_RELEASE_FOR_MOD_WRITE *ReleaseForModWrite;
    FAST_IO_ACQUIRE_FOR_CCFLUSH *AcquireForCcFlush;
    FAST_IO_RELEASE_FOR_CCFLUSH *ReleaseForCcFlush;
} FAST_IO_DISPATCH, *PFAST_IO_DISPATCH;
NT_ASSERT_SIZE(FAST_IO_DISPATCH, 0xE0);
NT_ASSERT_AT(FAST_IO_DISPATCH, FastIoDeviceControl, 0x50);
NT_ASSERT_AT(FAST_IO_DISPATCH, ReleaseForCcFlush, 0xD8);

#endif
