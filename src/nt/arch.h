/*
 * Processor state and exception handling data of x64 Windows: CONTEXT, the tables in .pdata and
 * .xdata, and what a language handler is given.
 *
 * Doc: Microsoft Learn, "x64 exception handling"; CONTEXT (winnt.h); RtlVirtualUnwind.
 */
#ifndef NT_ARCH_H
#define NT_ARCH_H

#include "nt/types.h"

typedef struct NT_ALIGN(16) _M128A {
    ULONGLONG Low;
    LONGLONG High;
} M128A, *PM128A;
NT_ASSERT_SIZE(M128A, 16);

/* The image of FXSAVE, 64-bit form. */
typedef struct NT_ALIGN(16) _XSAVE_FORMAT {
    USHORT ControlWord;
    USHORT StatusWord;
    UCHAR TagWord;
    UCHAR Reserved1;
    USHORT ErrorOpcode;
    ULONG ErrorOffset;
    USHORT ErrorSelector;
    USHORT Reserved2;
    ULONG DataOffset;
    USHORT DataSelector;
    USHORT Reserved3;
    ULONG MxCsr;
    ULONG MxCsr_Mask;
    M128A FloatRegisters[8];
    M128A XmmRegisters[16];
    UCHAR Reserved4[96];
} XSAVE_FORMAT, *PXSAVE_FORMAT, XMM_SAVE_AREA32, *PXMM_SAVE_AREA32;
NT_ASSERT_SIZE(XSAVE_FORMAT, 0x200);
NT_ASSERT_AT(XSAVE_FORMAT, MxCsr, 0x18);
NT_ASSERT_AT(XSAVE_FORMAT, XmmRegisters, 0xA0);

typedef struct NT_ALIGN(16) _CONTEXT {
    ULONG64 P1Home;
    ULONG64 P2Home;
    ULONG64 P3Home;
    ULONG64 P4Home;
    ULONG64 P5Home;
    ULONG64 P6Home;
    ULONG ContextFlags; /* CONTEXT_* */
    ULONG MxCsr;
    USHORT SegCs;
    USHORT SegDs;
    USHORT SegEs;
    USHORT SegFs;
    USHORT SegGs;
    USHORT SegSs;
    ULONG EFlags;
    ULONG64 Dr0;
    ULONG64 Dr1;
    ULONG64 Dr2;
    ULONG64 Dr3;
    ULONG64 Dr6;
    ULONG64 Dr7;
    ULONG64 Rax; /* from here 16 registers in the order of their numbers */
    ULONG64 Rcx;
    ULONG64 Rdx;
    ULONG64 Rbx;
    ULONG64 Rsp;
    ULONG64 Rbp;
    ULONG64 Rsi;
    ULONG64 Rdi;
    ULONG64 R8;
    ULONG64 R9;
    ULONG64 R10;
    ULONG64 R11;
    ULONG64 R12;
    ULONG64 R13;
    ULONG64 R14;
    ULONG64 R15;
    ULONG64 Rip;
    union {
        XMM_SAVE_AREA32 FltSave;
        struct {
            M128A Header[2];
            M128A Legacy[8];
            M128A Xmm0;
            M128A Xmm1;
            M128A Xmm2;
            M128A Xmm3;
            M128A Xmm4;
            M128A Xmm5;
            M128A Xmm6;
            M128A Xmm7;
            M128A Xmm8;
            M128A Xmm9;
            M128A Xmm10;
            M128A Xmm11;
            M128A Xmm12;
            M128A Xmm13;
            M128A Xmm14;
            M128A Xmm15;
        };
    };
    M128A VectorRegister[26];
    ULONG64 VectorControl;
    ULONG64 DebugControl;
    ULONG64 LastBranchToRip;
    ULONG64 LastBranchFromRip;
    ULONG64 LastExceptionToRip;
    ULONG64 LastExceptionFromRip;
} CONTEXT, *PCONTEXT;
NT_ASSERT_SIZE(CONTEXT, 0x4D0);
NT_ASSERT_AT(CONTEXT, ContextFlags, 0x30);
NT_ASSERT_AT(CONTEXT, EFlags, 0x44);
NT_ASSERT_AT(CONTEXT, Rax, 0x78);
NT_ASSERT_AT(CONTEXT, Rsp, 0x98);
NT_ASSERT_AT(CONTEXT, R15, 0xF0);
NT_ASSERT_AT(CONTEXT, Rip, 0xF8);
NT_ASSERT_AT(CONTEXT, FltSave, 0x100);
NT_ASSERT_AT(CONTEXT, Xmm0, 0x1A0);
NT_ASSERT_AT(CONTEXT, Xmm15, 0x290);
NT_ASSERT_AT(CONTEXT, VectorRegister, 0x300);
NT_ASSERT_AT(CONTEXT, LastExceptionFromRip, 0x4C8);

#define CONTEXT_AMD64 0x00100000u
#define CONTEXT_CONTROL (CONTEXT_AMD64 | 0x01u)
#define CONTEXT_INTEGER (CONTEXT_AMD64 | 0x02u)
#define CONTEXT_SEGMENTS (CONTEXT_AMD64 | 0x04u)
#define CONTEXT_FLOATING_POINT (CONTEXT_AMD64 | 0x08u)
#define CONTEXT_DEBUG_REGISTERS (CONTEXT_AMD64 | 0x10u)
#define CONTEXT_XSTATE (CONTEXT_AMD64 | 0x40u)
#define CONTEXT_FULL (CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT)
#define CONTEXT_ALL (CONTEXT_FULL | CONTEXT_SEGMENTS | CONTEXT_DEBUG_REGISTERS)
#define CONTEXT_EXCEPTION_ACTIVE 0x08000000u
#define CONTEXT_SERVICE_ACTIVE 0x10000000u
#define CONTEXT_UNWOUND_TO_CALL 0x20000000u

/* Where RtlVirtualUnwind found each saved register: arrays by register number. */
typedef struct _KNONVOLATILE_CONTEXT_POINTERS {
    union {
        PM128A FloatingContext[16];
        struct {
            PM128A Xmm0;
            PM128A Xmm1;
            PM128A Xmm2;
            PM128A Xmm3;
            PM128A Xmm4;
            PM128A Xmm5;
            PM128A Xmm6;
            PM128A Xmm7;
            PM128A Xmm8;
            PM128A Xmm9;
            PM128A Xmm10;
            PM128A Xmm11;
            PM128A Xmm12;
            PM128A Xmm13;
            PM128A Xmm14;
            PM128A Xmm15;
        };
    };
    union {
        PULONG64 IntegerContext[16];
        struct {
            PULONG64 Rax;
            PULONG64 Rcx;
            PULONG64 Rdx;
            PULONG64 Rbx;
            PULONG64 Rsp;
            PULONG64 Rbp;
            PULONG64 Rsi;
            PULONG64 Rdi;
            PULONG64 R8;
            PULONG64 R9;
            PULONG64 R10;
            PULONG64 R11;
            PULONG64 R12;
            PULONG64 R13;
            PULONG64 R14;
            PULONG64 R15;
        };
    };
} KNONVOLATILE_CONTEXT_POINTERS, *PKNONVOLATILE_CONTEXT_POINTERS;
NT_ASSERT_SIZE(KNONVOLATILE_CONTEXT_POINTERS, 0x100);
NT_ASSERT_AT(KNONVOLATILE_CONTEXT_POINTERS, IntegerContext, 0x80);

/* Exceptions. */

#define EXCEPTION_NONCONTINUABLE 0x01u
#define EXCEPTION_UNWINDING 0x02u
#define EXCEPTION_EXIT_UNWIND 0x04u
#define EXCEPTION_STACK_INVALID 0x08u
#define EXCEPTION_NESTED_CALL 0x10u
#define EXCEPTION_TARGET_UNWIND 0x20u
#define EXCEPTION_COLLIDED_UNWIND 0x40u
#define EXCEPTION_UNWIND                                                     \
    (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND | EXCEPTION_TARGET_UNWIND | \
     EXCEPTION_COLLIDED_UNWIND)
#define EXCEPTION_MAXIMUM_PARAMETERS 15

/* Answers of an exception filter. */
#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

/* ExceptionInformation[0] of an access violation; [1] is the address. */
#define EXCEPTION_READ_FAULT 0
#define EXCEPTION_WRITE_FAULT 1
#define EXCEPTION_EXECUTE_FAULT 8

typedef struct _EXCEPTION_RECORD {
    NTSTATUS ExceptionCode;
    ULONG ExceptionFlags; /* EXCEPTION_NONCONTINUABLE ... */
    struct _EXCEPTION_RECORD *ExceptionRecord;
    PVOID ExceptionAddress;
    ULONG NumberParameters;
    ULONG_PTR ExceptionInformation[EXCEPTION_MAXIMUM_PARAMETERS];
} EXCEPTION_RECORD, *PEXCEPTION_RECORD;
NT_ASSERT_SIZE(EXCEPTION_RECORD, 0x98);
NT_ASSERT_AT(EXCEPTION_RECORD, NumberParameters, 0x18);
NT_ASSERT_AT(EXCEPTION_RECORD, ExceptionInformation, 0x20);

typedef struct _EXCEPTION_POINTERS {
    PEXCEPTION_RECORD ExceptionRecord;
    PCONTEXT ContextRecord;
} EXCEPTION_POINTERS, *PEXCEPTION_POINTERS;
NT_ASSERT_SIZE(EXCEPTION_POINTERS, 0x10);

typedef enum _EXCEPTION_DISPOSITION {
    ExceptionContinueExecution,
    ExceptionContinueSearch,
    ExceptionNestedException,
    ExceptionCollidedUnwind,
} EXCEPTION_DISPOSITION;

struct _DISPATCHER_CONTEXT;
typedef EXCEPTION_DISPOSITION NTAPI EXCEPTION_ROUTINE(PEXCEPTION_RECORD record,
                                                      PVOID establisher_frame, PCONTEXT context,
                                                      PVOID dispatcher_context);
typedef EXCEPTION_ROUTINE *PEXCEPTION_ROUTINE;
/* What a scope table's handler fields point to. */
typedef LONG NTAPI NT_EXCEPTION_FILTER(PEXCEPTION_POINTERS pointers, PVOID establisher_frame);
typedef VOID NTAPI NT_TERMINATION_HANDLER(BOOLEAN abnormal, PVOID establisher_frame);

/* Unwind data in the image. All addresses are relative to the image base. */

typedef struct _RUNTIME_FUNCTION {
    ULONG BeginAddress;
    ULONG EndAddress;
    union {
        ULONG UnwindInfoAddress;
        ULONG UnwindData; /* bit 0 set: another RUNTIME_FUNCTION instead */
    };
} RUNTIME_FUNCTION, *PRUNTIME_FUNCTION;
NT_ASSERT_SIZE(RUNTIME_FUNCTION, 12);
#define RUNTIME_FUNCTION_INDIRECT 1u

typedef union _UNWIND_CODE {
    struct {
        UCHAR CodeOffset; /* end of the prologue instruction, from the start of the function */
        UCHAR UnwindOp : 4;
        UCHAR OpInfo : 4;
    };
    USHORT FrameOffset;
} UNWIND_CODE, *PUNWIND_CODE;
NT_ASSERT_SIZE(UNWIND_CODE, 2);

typedef enum _UNWIND_OP_CODES {
    UWOP_PUSH_NONVOL,
    UWOP_ALLOC_LARGE,
    UWOP_ALLOC_SMALL,
    UWOP_SET_FPREG,
    UWOP_SAVE_NONVOL,
    UWOP_SAVE_NONVOL_FAR,
    UWOP_EPILOG, /* version 2; in version 1 a save of the low half of an XMM register */
    UWOP_SPARE_CODE,
    UWOP_SAVE_XMM128,
    UWOP_SAVE_XMM128_FAR,
    UWOP_PUSH_MACHFRAME,
} UNWIND_OP_CODES;

/* Followed, after UnwindCode rounded up to an even count, by the handler's RVA and its data, or by
 * the RUNTIME_FUNCTION that this one continues. */
typedef struct _UNWIND_INFO {
    UCHAR Version : 3;
    UCHAR Flags : 5; /* UNW_FLAG_* */
    UCHAR SizeOfProlog;
    UCHAR CountOfCodes;
    UCHAR FrameRegister : 4;
    UCHAR FrameOffset : 4; /* units of 16 bytes */
    UNWIND_CODE UnwindCode[];
} UNWIND_INFO, *PUNWIND_INFO;
NT_ASSERT_SIZE(UNWIND_INFO, 4);

#define UNW_FLAG_NHANDLER 0
#define UNW_FLAG_EHANDLER 1
#define UNW_FLAG_UHANDLER 2
#define UNW_FLAG_CHAININFO 4

/* Data of __C_specific_handler. */
typedef struct _SCOPE_TABLE_ENTRY {
    ULONG BeginAddress;
    ULONG EndAddress;
    ULONG HandlerAddress; /* filter, or 1 (always take the handler), or a termination handler */
    ULONG JumpTarget;     /* 0 marks a __finally */
} SCOPE_TABLE_ENTRY, *PSCOPE_TABLE_ENTRY;
typedef struct _SCOPE_TABLE {
    ULONG Count;
    SCOPE_TABLE_ENTRY ScopeRecord[];
} SCOPE_TABLE, *PSCOPE_TABLE, SCOPE_TABLE_AMD64, *PSCOPE_TABLE_AMD64;
NT_ASSERT_SIZE(SCOPE_TABLE_ENTRY, 16);
NT_ASSERT_AT(SCOPE_TABLE, ScopeRecord, 4);

#define UNWIND_HISTORY_TABLE_SIZE 12
typedef struct _UNWIND_HISTORY_TABLE_ENTRY {
    ULONG64 ImageBase;
    PRUNTIME_FUNCTION FunctionEntry;
} UNWIND_HISTORY_TABLE_ENTRY, *PUNWIND_HISTORY_TABLE_ENTRY;
typedef struct _UNWIND_HISTORY_TABLE {
    ULONG Count;
    UCHAR LocalHint;
    UCHAR GlobalHint;
    UCHAR Search;
    UCHAR Once;
    ULONG64 LowAddress;
    ULONG64 HighAddress;
    UNWIND_HISTORY_TABLE_ENTRY Entry[UNWIND_HISTORY_TABLE_SIZE];
} UNWIND_HISTORY_TABLE, *PUNWIND_HISTORY_TABLE;
NT_ASSERT_SIZE(UNWIND_HISTORY_TABLE, 0xD8);

typedef struct _DISPATCHER_CONTEXT {
    ULONG64 ControlPc;
    ULONG64 ImageBase;
    PRUNTIME_FUNCTION FunctionEntry;
    ULONG64 EstablisherFrame;
    ULONG64 TargetIp;
    PCONTEXT ContextRecord;
    PEXCEPTION_ROUTINE LanguageHandler;
    PVOID HandlerData;
    PUNWIND_HISTORY_TABLE HistoryTable;
    ULONG ScopeIndex;
    ULONG Fill0;
} DISPATCHER_CONTEXT, *PDISPATCHER_CONTEXT;
NT_ASSERT_SIZE(DISPATCHER_CONTEXT, 0x50);
NT_ASSERT_AT(DISPATCHER_CONTEXT, ContextRecord, 0x28);
NT_ASSERT_AT(DISPATCHER_CONTEXT, ScopeIndex, 0x48);

/* int 29h: the code is in ecx. The ones that compiled drivers raise. */
#define FAST_FAIL_LEGACY_GS_VIOLATION 0
#define FAST_FAIL_VTGUARD_CHECK_FAILURE 1
#define FAST_FAIL_STACK_COOKIE_CHECK_FAILURE 2
#define FAST_FAIL_CORRUPT_LIST_ENTRY 3
#define FAST_FAIL_INCORRECT_STACK 4
#define FAST_FAIL_INVALID_ARG 5
#define FAST_FAIL_GS_COOKIE_INIT 6
#define FAST_FAIL_FATAL_APP_EXIT 7
#define FAST_FAIL_RANGE_CHECK_FAILURE 8
#define FAST_FAIL_UNSAFE_REGISTRY_ACCESS 9
#define FAST_FAIL_GUARD_ICALL_CHECK_FAILURE 10
#define FAST_FAIL_GUARD_WRITE_CHECK_FAILURE 11
#define FAST_FAIL_INVALID_FIBER_SWITCH 12
#define FAST_FAIL_INVALID_SET_OF_CONTEXT 13
#define FAST_FAIL_INVALID_REFERENCE_COUNT 14
#define FAST_FAIL_INVALID_JUMP_BUFFER 18
#define FAST_FAIL_MRDATA_MODIFIED 19
#define FAST_FAIL_CERTIFICATION_FAILURE 20
#define FAST_FAIL_INVALID_EXCEPTION_CHAIN 21
#define FAST_FAIL_CRYPTO_LIBRARY 22
#define FAST_FAIL_INVALID_CALL_IN_DLL_CALLOUT 23
#define FAST_FAIL_INVALID_IMAGE_BASE 24
#define FAST_FAIL_DLOAD_PROTECTION_FAILURE 25
#define FAST_FAIL_UNSAFE_EXTENSION_CALL 26

/* What an interrupted or faulting processor leaves on the kernel stack; bug checks pass its
 * address. */
typedef struct NT_ALIGN(16) _KTRAP_FRAME {
    ULONG64 P1Home;
    ULONG64 P2Home;
    ULONG64 P3Home;
    ULONG64 P4Home;
    ULONG64 P5;
    CHAR PreviousMode;
    KIRQL PreviousIrql;
    UCHAR FaultIndicator; /* 0 read, 1 write */
    UCHAR ExceptionActive;
    ULONG MxCsr;
    ULONG64 Rax;
    ULONG64 Rcx;
    ULONG64 Rdx;
    ULONG64 R8;
    ULONG64 R9;
    ULONG64 R10;
    ULONG64 R11;
    ULONG64 GsBase;
    M128A Xmm0;
    M128A Xmm1;
    M128A Xmm2;
    M128A Xmm3;
    M128A Xmm4;
    M128A Xmm5;
    ULONG64 FaultAddress;
    ULONG64 Dr0;
    ULONG64 Dr1;
    ULONG64 Dr2;
    ULONG64 Dr3;
    ULONG64 Dr6;
    ULONG64 Dr7;
    ULONG64 DebugControl;
    ULONG64 LastBranchToRip;
    ULONG64 LastBranchFromRip;
    ULONG64 LastExceptionToRip;
    ULONG64 LastExceptionFromRip;
    USHORT SegDs;
    USHORT SegEs;
    USHORT SegFs;
    USHORT SegGs;
    ULONG64 TrapFrame;
    ULONG64 Rbx;
    ULONG64 Rdi;
    ULONG64 Rsi;
    ULONG64 Rbp;
    ULONG64 ErrorCode;
    ULONG64 Rip; /* from here what the processor pushes */
    USHORT SegCs;
    UCHAR Fill0;
    UCHAR Logging;
    USHORT Fill1[2];
    ULONG EFlags;
    ULONG Fill2;
    ULONG64 Rsp;
    USHORT SegSs;
    USHORT Fill3;
    ULONG Fill4;
} KTRAP_FRAME, *PKTRAP_FRAME;
NT_ASSERT_SIZE(KTRAP_FRAME, 0x190);
NT_ASSERT_AT(KTRAP_FRAME, MxCsr, 0x2C);
NT_ASSERT_AT(KTRAP_FRAME, Xmm0, 0x70);
NT_ASSERT_AT(KTRAP_FRAME, FaultAddress, 0xD0);
NT_ASSERT_AT(KTRAP_FRAME, Rbx, 0x140);
NT_ASSERT_AT(KTRAP_FRAME, Rbp, 0x158);
NT_ASSERT_AT(KTRAP_FRAME, Rip, 0x168);
NT_ASSERT_AT(KTRAP_FRAME, EFlags, 0x178);
NT_ASSERT_AT(KTRAP_FRAME, Rsp, 0x180);

/* Saved extended state; the x64 kernel saves legacy state for every thread by itself. */
typedef struct _KFLOATING_SAVE {
    ULONG Dummy;
} KFLOATING_SAVE, *PKFLOATING_SAVE;

typedef struct _XSTATE_CONTEXT {
    ULONG64 Mask;
    ULONG Length;
    ULONG Reserved1;
    PVOID Area;
    PVOID Buffer;
} XSTATE_CONTEXT, *PXSTATE_CONTEXT;
NT_ASSERT_SIZE(XSTATE_CONTEXT, 0x20);

typedef struct _XSTATE_SAVE {
    struct _XSTATE_SAVE *Prev;
    PKTHREAD Thread;
    UCHAR Level;
    XSTATE_CONTEXT XStateContext;
} XSTATE_SAVE, *PXSTATE_SAVE;
NT_ASSERT_SIZE(XSTATE_SAVE, 0x38);
NT_ASSERT_AT(XSTATE_SAVE, XStateContext, 0x18);

#endif
