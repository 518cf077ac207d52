/*
 * WMI and ETW: data blocks in IRP_MJ_SYSTEM_CONTROL, the context of wmilib, event descriptors.
 *
 * Doc: Microsoft Learn, WNODE_HEADER, WMIREGINFO, WMILIB_CONTEXT (wmistr.h, wmilib.h);
 * EVENT_DESCRIPTOR, EtwWrite (evntprov.h, wdm.h).
 */
#ifndef NT_WMI_H
#define NT_WMI_H

#include "nt/io.h"

typedef struct _WNODE_HEADER {
    ULONG BufferSize;
    ULONG ProviderId;
    union {
        ULONG64 HistoricalContext;
        struct {
            ULONG Version;
            ULONG Linkage;
        };
    };
    union {
        ULONG CountLost;
        HANDLE KernelHandle;
        LARGE_INTEGER TimeStamp;
    };
    GUID Guid;
    ULONG ClientContext;
    ULONG Flags; /* WNODE_FLAG_* */
} WNODE_HEADER, *PWNODE_HEADER;
NT_ASSERT_SIZE(WNODE_HEADER, 0x30);
NT_ASSERT_AT(WNODE_HEADER, TimeStamp, 0x10);
NT_ASSERT_AT(WNODE_HEADER, Guid, 0x18);
NT_ASSERT_AT(WNODE_HEADER, Flags, 0x2C);

#define WNODE_FLAG_ALL_DATA 0x00000001u
#define WNODE_FLAG_SINGLE_INSTANCE 0x00000002u
#define WNODE_FLAG_SINGLE_ITEM 0x00000004u
#define WNODE_FLAG_EVENT_ITEM 0x00000008u
#define WNODE_FLAG_FIXED_INSTANCE_SIZE 0x00000010u
#define WNODE_FLAG_TOO_SMALL 0x00000020u
#define WNODE_FLAG_INSTANCES_SAME 0x00000040u
#define WNODE_FLAG_STATIC_INSTANCE_NAMES 0x00000080u
#define WNODE_FLAG_INTERNAL 0x00000100u
#define WNODE_FLAG_EVENT_REFERENCE 0x00002000u
#define WNODE_FLAG_METHOD_ITEM 0x00008000u
#define WNODE_FLAG_PDO_INSTANCE_NAMES 0x00010000u
#define WNODE_FLAG_TRACED_GUID 0x00020000u
#define WNODE_FLAG_LOG_WNODE 0x00040000u
#define WNODE_FLAG_SEVERITY_MASK 0xFF000000u

typedef struct _OFFSETINSTANCEDATAANDLENGTH {
    ULONG OffsetInstanceData;
    ULONG LengthInstanceData;
} OFFSETINSTANCEDATAANDLENGTH, *POFFSETINSTANCEDATAANDLENGTH;

typedef struct _WNODE_ALL_DATA {
    WNODE_HEADER WnodeHeader;
    ULONG DataBlockOffset;
    ULONG InstanceCount;
    ULONG OffsetInstanceNameOffsets;
    union {
        ULONG FixedInstanceSize;
        OFFSETINSTANCEDATAANDLENGTH OffsetInstanceDataAndLength[1];
    };
} WNODE_ALL_DATA, *PWNODE_ALL_DATA;
NT_ASSERT_AT(WNODE_ALL_DATA, FixedInstanceSize, 0x3C);

typedef struct _WNODE_SINGLE_INSTANCE {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG DataBlockOffset;
    ULONG SizeDataBlock;
    UCHAR VariableData[];
} WNODE_SINGLE_INSTANCE, *PWNODE_SINGLE_INSTANCE;
NT_ASSERT_SIZE(WNODE_SINGLE_INSTANCE, 0x40);

typedef struct _WNODE_SINGLE_ITEM {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG ItemId;
    ULONG DataBlockOffset;
    ULONG SizeDataItem;
    UCHAR VariableData[];
} WNODE_SINGLE_ITEM, *PWNODE_SINGLE_ITEM;
NT_ASSERT_AT(WNODE_SINGLE_ITEM, VariableData, 0x44);

typedef struct _WNODE_METHOD_ITEM {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG MethodId;
    ULONG DataBlockOffset;
    ULONG SizeDataBlock;
    UCHAR VariableData[];
} WNODE_METHOD_ITEM, *PWNODE_METHOD_ITEM;
NT_ASSERT_AT(WNODE_METHOD_ITEM, VariableData, 0x44);

typedef struct _WNODE_EVENT_ITEM {
    WNODE_HEADER WnodeHeader;
} WNODE_EVENT_ITEM, *PWNODE_EVENT_ITEM;

typedef struct _WNODE_TOO_SMALL {
    WNODE_HEADER WnodeHeader;
    ULONG SizeNeeded;
} WNODE_TOO_SMALL, *PWNODE_TOO_SMALL;
NT_ASSERT_SIZE(WNODE_TOO_SMALL, 0x38);

/* IRP_MN_REGINFO. */

#define WMIREG_FLAG_EXPENSIVE 0x00000001u
#define WMIREG_FLAG_INSTANCE_LIST 0x00000004u
#define WMIREG_FLAG_INSTANCE_BASENAME 0x00000008u
#define WMIREG_FLAG_INSTANCE_PDO 0x00000020u
#define WMIREG_FLAG_REMOVE_GUID 0x00010000u
#define WMIREG_FLAG_TRACED_GUID 0x00080000u
#define WMIREG_FLAG_TRACE_CONTROL_GUID 0x00001000u
#define WMIREG_FLAG_EVENT_ONLY_GUID 0x00000040u
#define WMIREGISTER 0u
#define WMIUPDATE 1u
#define WMIREG_ACTION_REGISTER 1u
#define WMIREG_ACTION_DEREGISTER 2u
#define WMIREG_ACTION_REREGISTER 3u
#define WMIREG_ACTION_UPDATE_GUIDS 4u
#define WMIREG_ACTION_BLOCK_IRPS 5u

typedef struct _WMIREGGUIDW {
    GUID Guid;
    ULONG Flags;
    ULONG InstanceCount;
    union {
        ULONG InstanceNameList;
        ULONG BaseNameOffset;
        ULONG_PTR Pdo;
        ULONG_PTR InstanceInfo;
    };
} WMIREGGUIDW, *PWMIREGGUIDW, WMIREGGUID, *PWMIREGGUID;
NT_ASSERT_SIZE(WMIREGGUIDW, 0x20);

typedef struct _WMIREGINFOW {
    ULONG BufferSize;
    ULONG NextWmiRegInfo;
    ULONG RegistryPath;
    ULONG MofResourceName;
    ULONG GuidCount;
    WMIREGGUIDW WmiRegGuid[];
} WMIREGINFOW, *PWMIREGINFOW, WMIREGINFO, *PWMIREGINFO;
NT_ASSERT_AT(WMIREGINFOW, WmiRegGuid, 0x18);

/* wmilib. */

typedef enum _WMIENABLEDISABLECONTROL {
    WmiEventControl,
    WmiDataBlockControl,
} WMIENABLEDISABLECONTROL;

typedef enum _SYSCTL_IRP_DISPOSITION {
    IrpProcessed,
    IrpNotCompleted,
    IrpNotWmi,
    IrpForward,
} SYSCTL_IRP_DISPOSITION;

typedef struct _WMIGUIDREGINFO {
    LPCGUID Guid;
    ULONG InstanceCount;
    ULONG Flags;
} WMIGUIDREGINFO, *PWMIGUIDREGINFO;
NT_ASSERT_SIZE(WMIGUIDREGINFO, 0x10);

typedef NTSTATUS NTAPI WMI_QUERY_REGINFO_CALLBACK(PDEVICE_OBJECT device, PULONG flags,
                                                  PUNICODE_STRING name,
                                                  PUNICODE_STRING *registry_path,
                                                  PUNICODE_STRING mof, PDEVICE_OBJECT *pdo);
typedef NTSTATUS NTAPI WMI_QUERY_DATABLOCK_CALLBACK(PDEVICE_OBJECT device, PIRP irp, ULONG guid,
                                                    ULONG instance, ULONG count, PULONG lengths,
                                                    ULONG available, PUCHAR buffer);
typedef NTSTATUS NTAPI WMI_SET_DATABLOCK_CALLBACK(PDEVICE_OBJECT device, PIRP irp, ULONG guid,
                                                  ULONG instance, ULONG size, PUCHAR buffer);
typedef NTSTATUS NTAPI WMI_SET_DATAITEM_CALLBACK(PDEVICE_OBJECT device, PIRP irp, ULONG guid,
                                                 ULONG instance, ULONG item, ULONG size,
                                                 PUCHAR buffer);
typedef NTSTATUS NTAPI WMI_EXECUTE_METHOD_CALLBACK(PDEVICE_OBJECT device, PIRP irp, ULONG guid,
                                                   ULONG instance, ULONG method, ULONG in_size,
                                                   ULONG out_size, PUCHAR buffer);
typedef NTSTATUS NTAPI WMI_FUNCTION_CONTROL_CALLBACK(PDEVICE_OBJECT device, PIRP irp, ULONG guid,
                                                     WMIENABLEDISABLECONTROL function,
                                                     BOOLEAN enable);

typedef struct _WMILIB_CONTEXT {
    ULONG GuidCount;
    PWMIGUIDREGINFO GuidList;
    WMI_QUERY_REGINFO_CALLBACK *QueryWmiRegInfo;
    WMI_QUERY_DATABLOCK_CALLBACK *QueryWmiDataBlock;
    WMI_SET_DATABLOCK_CALLBACK *SetWmiDataBlock;
    WMI_SET_DATAITEM_CALLBACK *SetWmiDataItem;
    WMI_EXECUTE_METHOD_CALLBACK *ExecuteWmiMethod;
    WMI_FUNCTION_CONTROL_CALLBACK *WmiFunctionControl;
} WMILIB_CONTEXT, *PWMILIB_CONTEXT;
NT_ASSERT_SIZE(WMILIB_CONTEXT, 0x40);

/* ETW. */

typedef ULONGLONG REGHANDLE, *PREGHANDLE;

typedef struct _EVENT_DESCRIPTOR {
    USHORT Id;
    UCHAR Version;
    UCHAR Channel;
    UCHAR Level;
    UCHAR Opcode;
    USHORT Task;
    ULONGLONG Keyword;
} EVENT_DESCRIPTOR, *PEVENT_DESCRIPTOR;
typedef const EVENT_DESCRIPTOR *PCEVENT_DESCRIPTOR;
NT_ASSERT_SIZE(EVENT_DESCRIPTOR, 0x10);

typedef struct _EVENT_DATA_DESCRIPTOR {
    ULONGLONG Ptr;
    ULONG Size;
    ULONG Reserved;
} EVENT_DATA_DESCRIPTOR, *PEVENT_DATA_DESCRIPTOR;
NT_ASSERT_SIZE(EVENT_DATA_DESCRIPTOR, 0x10);

typedef VOID NTAPI ETW_ENABLE_CALLBACK(LPCGUID source, ULONG control, UCHAR level,
                                       ULONGLONG match_any, ULONGLONG match_all, PVOID filter,
                                       PVOID context);
typedef ETW_ENABLE_CALLBACK *PETWENABLECALLBACK;

#endif
