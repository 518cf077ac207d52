/*
 * Bug check codes. One list; the constants and every name table come from it.
 *
 * What the parameters and sub-codes of each mean is with the rules that raise them.
 *
 * Doc: Microsoft Learn, Windows debugger, "Bug check code reference".
 */
#ifndef NT_BUGCHECK_H
#define NT_BUGCHECK_H

#include "nt/types.h"

/* X(name, code); sorted by code. */
#define NT_BUGCHECK_LIST(X)                                           \
    X(APC_INDEX_MISMATCH, 0x01)                                       \
    X(IRQL_NOT_LESS_OR_EQUAL, 0x0A)                                   \
    X(TRAP_CAUSE_UNKNOWN, 0x12)                                       \
    X(REFERENCE_BY_POINTER, 0x18)                                     \
    X(BAD_POOL_HEADER, 0x19)                                          \
    X(MEMORY_MANAGEMENT, 0x1A)                                        \
    X(NO_SPIN_LOCK_AVAILABLE, 0x1D)                                   \
    X(KMODE_EXCEPTION_NOT_HANDLED, 0x1E)                              \
    X(KERNEL_APC_PENDING_DURING_EXIT, 0x20)                           \
    X(QUOTA_UNDERFLOW, 0x21)                                          \
    X(FILE_SYSTEM, 0x22)                                              \
    X(FAT_FILE_SYSTEM, 0x23)                                          \
    X(NTFS_FILE_SYSTEM, 0x24)                                         \
    X(RDR_FILE_SYSTEM, 0x27)                                          \
    X(DATA_BUS_ERROR, 0x2E)                                           \
    X(CACHE_MANAGER, 0x34)                                            \
    X(NO_MORE_IRP_STACK_LOCATIONS, 0x35)                              \
    X(DEVICE_REFERENCE_COUNT_NOT_ZERO, 0x36)                          \
    X(SERIAL_DRIVER_INTERNAL, 0x38)                                   \
    X(SYSTEM_EXIT_OWNED_MUTEX, 0x39)                                  \
    X(SYSTEM_SERVICE_EXCEPTION, 0x3B)                                 \
    X(INTERRUPT_EXCEPTION_NOT_HANDLED, 0x3D)                          \
    X(NO_MORE_SYSTEM_PTES, 0x3F)                                      \
    X(TARGET_MDL_TOO_SMALL, 0x40)                                     \
    X(MUST_SUCCEED_POOL_EMPTY, 0x41)                                  \
    X(MULTIPLE_IRP_COMPLETE_REQUESTS, 0x44)                           \
    X(INSUFFICIENT_SYSTEM_MAP_REGS, 0x45)                             \
    X(CANCEL_STATE_IN_COMPLETED_IRP, 0x48)                            \
    X(PAGE_FAULT_WITH_INTERRUPTS_OFF, 0x49)                           \
    X(IRQL_GT_ZERO_AT_SYSTEM_SERVICE, 0x4A)                           \
    X(FATAL_UNHANDLED_HARD_ERROR, 0x4C)                               \
    X(NO_PAGES_AVAILABLE, 0x4D)                                       \
    X(PFN_LIST_CORRUPT, 0x4E)                                         \
    X(PAGE_FAULT_IN_NONPAGED_AREA, 0x50)                              \
    X(REGISTRY_ERROR, 0x51)                                           \
    X(FTDISK_INTERNAL_ERROR, 0x58)                                    \
    X(HAL_INITIALIZATION_FAILED, 0x5C)                                \
    X(PROCESS1_INITIALIZATION_FAILED, 0x6B)                           \
    X(BAD_SYSTEM_CONFIG_INFO, 0x74)                                   \
    X(PROCESS_HAS_LOCKED_PAGES, 0x76)                                 \
    X(KERNEL_STACK_INPAGE_ERROR, 0x77)                                \
    X(MISMATCHED_HAL, 0x79)                                           \
    X(KERNEL_DATA_INPAGE_ERROR, 0x7A)                                 \
    X(INACCESSIBLE_BOOT_DEVICE, 0x7B)                                 \
    X(SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, 0x7E)                      \
    X(UNEXPECTED_KERNEL_MODE_TRAP, 0x7F)                              \
    X(NMI_HARDWARE_FAILURE, 0x80)                                     \
    X(SPIN_LOCK_INIT_FAILURE, 0x81)                                   \
    X(KERNEL_MODE_EXCEPTION_NOT_HANDLED, 0x8E)                        \
    X(UP_DRIVER_ON_MP_SYSTEM, 0x92)                                   \
    X(INVALID_KERNEL_HANDLE, 0x93)                                    \
    X(KERNEL_STACK_LOCKED_AT_EXIT, 0x94)                              \
    X(INVALID_WORK_QUEUE_ITEM, 0x96)                                  \
    X(BOUND_IMAGE_UNSUPPORTED, 0x97)                                  \
    X(MACHINE_CHECK_EXCEPTION, 0x9C)                                  \
    X(USER_MODE_HEALTH_MONITOR, 0x9E)                                 \
    X(DRIVER_POWER_STATE_FAILURE, 0x9F)                               \
    X(INTERNAL_POWER_ERROR, 0xA0)                                     \
    X(ACPI_BIOS_ERROR, 0xA5)                                          \
    X(SESSION_HAS_VALID_POOL_ON_EXIT, 0xAB)                           \
    X(HAL_MEMORY_ALLOCATION, 0xAC)                                    \
    X(ATTEMPTED_SWITCH_FROM_DPC, 0xB8)                                \
    X(ATTEMPTED_WRITE_TO_READONLY_MEMORY, 0xBE)                       \
    X(MUTEX_ALREADY_OWNED, 0xBF)                                      \
    X(SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, 0xC1)                  \
    X(BAD_POOL_CALLER, 0xC2)                                          \
    X(DRIVER_VERIFIER_DETECTED_VIOLATION, 0xC4)                       \
    X(DRIVER_CORRUPTED_EXPOOL, 0xC5)                                  \
    X(DRIVER_CAUGHT_MODIFYING_FREED_POOL, 0xC6)                       \
    X(TIMER_OR_DPC_INVALID, 0xC7)                                     \
    X(IRQL_UNEXPECTED_VALUE, 0xC8)                                    \
    X(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0xC9)                      \
    X(PNP_DETECTED_FATAL_ERROR, 0xCA)                                 \
    X(DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS, 0xCB)                      \
    X(PAGE_FAULT_IN_FREED_SPECIAL_POOL, 0xCC)                         \
    X(PAGE_FAULT_BEYOND_END_OF_ALLOCATION, 0xCD)                      \
    X(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, 0xCE)    \
    X(TERMINAL_SERVER_DRIVER_MADE_INCORRECT_MEMORY_REFERENCE, 0xCF)   \
    X(DRIVER_CORRUPTED_MMPOOL, 0xD0)                                  \
    X(DRIVER_IRQL_NOT_LESS_OR_EQUAL, 0xD1)                            \
    X(BUGCODE_ID_DRIVER, 0xD2)                                        \
    X(DRIVER_PORTION_MUST_BE_NONPAGED, 0xD3)                          \
    X(SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD, 0xD4) \
    X(DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL, 0xD5)                  \
    X(DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION, 0xD6)               \
    X(DRIVER_UNMAPPING_INVALID_VIEW, 0xD7)                            \
    X(DRIVER_USED_EXCESSIVE_PTES, 0xD8)                               \
    X(LOCKED_PAGES_TRACKER_CORRUPTION, 0xD9)                          \
    X(SYSTEM_PTE_MISUSE, 0xDA)                                        \
    X(DRIVER_CORRUPTED_SYSPTES, 0xDB)                                 \
    X(DRIVER_INVALID_STACK_ACCESS, 0xDC)                              \
    X(POOL_CORRUPTION_IN_FILE_AREA, 0xDE)                             \
    X(WORKER_THREAD_RETURNED_AT_BAD_IRQL, 0xE1)                       \
    X(MANUALLY_INITIATED_CRASH, 0xE2)                                 \
    X(RESOURCE_NOT_OWNED, 0xE3)                                       \
    X(WORKER_INVALID, 0xE4)                                           \
    X(DRIVER_VERIFIER_DMA_VIOLATION, 0xE6)                            \
    X(INVALID_FLOATING_POINT_STATE, 0xE7)                             \
    X(INVALID_CANCEL_OF_FILE_OPEN, 0xE8)                              \
    X(ACTIVE_EX_WORKER_THREAD_TERMINATION, 0xE9)                      \
    X(THREAD_STUCK_IN_DEVICE_DRIVER, 0xEA)                            \
    X(DIRTY_MAPPED_PAGES_CONGESTION, 0xEB)                            \
    X(SESSION_HAS_VALID_SPECIAL_POOL_ON_EXIT, 0xEC)                   \
    X(UNMOUNTABLE_BOOT_VOLUME, 0xED)                                  \
    X(CRITICAL_PROCESS_DIED, 0xEF)                                    \
    X(STORAGE_MINIPORT_ERROR, 0xF0)                                   \
    X(SCSI_VERIFIER_DETECTED_VIOLATION, 0xF1)                         \
    X(CRITICAL_OBJECT_TERMINATION, 0xF4)                              \
    X(FLTMGR_FILE_SYSTEM, 0xF5)                                       \
    X(PCI_VERIFIER_DETECTED_VIOLATION, 0xF6)                          \
    X(DRIVER_OVERRAN_STACK_BUFFER, 0xF7)                              \
    X(RAMDISK_BOOT_INITIALIZATION_FAILED, 0xF8)                       \
    X(ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, 0xFC)                    \
    X(DIRTY_NOWRITE_PAGES_CONGESTION, 0xFD)                           \
    X(BUGCODE_USB_DRIVER, 0xFE)                                       \
    X(RESERVE_QUEUE_OVERFLOW, 0xFF)                                   \
    X(LOADER_BLOCK_MISMATCH, 0x100)                                   \
    X(CLOCK_WATCHDOG_TIMEOUT, 0x101)                                  \
    X(DPC_WATCHDOG_TIMEOUT, 0x102)                                    \
    X(MUP_FILE_SYSTEM, 0x103)                                         \
    X(AGP_INVALID_ACCESS, 0x104)                                      \
    X(CRITICAL_STRUCTURE_CORRUPTION, 0x109)                           \
    X(APP_TAGGING_INITIALIZATION_FAILED, 0x10A)                       \
    X(WDF_VIOLATION, 0x10D)                                           \
    X(VIDEO_MEMORY_MANAGEMENT_INTERNAL, 0x10E)                        \
    X(RECURSIVE_NMI, 0x111)                                           \
    X(MSRPC_STATE_VIOLATION, 0x112)                                   \
    X(VIDEO_TDR_FAILURE, 0x116)                                       \
    X(VIDEO_SCHEDULER_INTERNAL_ERROR, 0x119)                          \
    X(DRIVER_RETURNED_HOLDING_CANCEL_LOCK, 0x11B)                     \
    X(ATTEMPTED_WRITE_TO_CM_PROTECTED_STORAGE, 0x11C)                 \
    X(DRIVER_VIOLATION, 0x121)                                        \
    X(WHEA_UNCORRECTABLE_ERROR, 0x124)                                \
    X(NETIO_INVALID_POOL_CALLER, 0x126)                               \
    X(PAGE_NOT_ZERO, 0x127)                                           \
    X(FAULTY_HARDWARE_CORRUPTED_PAGE, 0x12B)                          \
    X(EXFAT_FILE_SYSTEM, 0x12C)                                       \
    X(INVALID_MDL_RANGE, 0x12E)                                       \
    X(RESOURCE_OWNER_POINTER_INVALID, 0x132)                          \
    X(DPC_WATCHDOG_VIOLATION, 0x133)                                  \
    X(REGISTRY_FILTER_DRIVER_EXCEPTION, 0x135)                        \
    X(KERNEL_SECURITY_CHECK_FAILURE, 0x139)                           \
    X(KERNEL_MODE_HEAP_CORRUPTION, 0x13A)                             \
    X(PASSIVE_INTERRUPT_ERROR, 0x13B)                                 \
    X(INVALID_IO_BOOST_STATE, 0x13C)                                  \
    X(CRITICAL_INITIALIZATION_FAILURE, 0x13D)                         \
    X(BUGCODE_USB3_DRIVER, 0x144)                                     \
    X(REFS_FILE_SYSTEM, 0x149)                                        \
    X(PDC_WATCHDOG_TIMEOUT, 0x14F)                                    \
    X(UNEXPECTED_STORE_EXCEPTION, 0x154)                              \
    X(KERNEL_THREAD_PRIORITY_FLOOR_VIOLATION, 0x157)                  \
    X(ILLEGAL_IOMMU_PAGE_FAULT, 0x158)                                \
    X(HAL_ILLEGAL_IOMMU_PAGE_FAULT, 0x159)                            \
    X(WIN32K_ATOMIC_CHECK_FAILURE, 0x160)                             \
    X(KERNEL_AUTO_BOOST_INVALID_LOCK_RELEASE, 0x162)                  \
    X(ERESOURCE_INVALID_RELEASE, 0x16E)                               \
    X(PREVIOUS_FATAL_ABNORMAL_RESET_ERROR, 0x175)                     \
    X(BAD_OBJECT_HEADER, 0x189)                                       \
    X(SECURE_KERNEL_ERROR, 0x18B)                                     \
    X(KERNEL_AUTO_BOOST_LOCK_ACQUISITION_WITH_RAISED_IRQL, 0x192)     \
    X(STORE_DATA_STRUCTURE_CORRUPTION, 0x1C7)                         \
    X(SYNTHETIC_WATCHDOG_TIMEOUT, 0x1CA)                              \
    X(HAL_IOMMU_INTERNAL_ERROR, 0x1D9)                                \
    X(DMA_COMMON_BUFFER_VECTOR_ERROR, 0x1DC)                          \
    X(ILLEGAL_ATS_INITIALIZATION, 0x1E9)                              \
    X(KASAN_ILLEGAL_ACCESS, 0x1F2)

#define NT_BUGCHECK_CONSTANT(name, code) name = code,
enum nt_bugcheck { NT_BUGCHECK_LIST(NT_BUGCHECK_CONSTANT) };
#undef NT_BUGCHECK_CONSTANT

/* Codes that do not fit the list: status values and one that debuggers write. */
#define NT_BUGCHECK_SYSTEM_PROCESS_TERMINATED 0xC000021Au
#define MANUALLY_INITIATED_CRASH1 0xDEADDEADu
/* Or-ed into codes that have a variant for a minidump: 0x1000007E, 0x1000008E, 0x100000EA. */
#define NT_BUGCHECK_VARIANT 0x10000000u

#endif
