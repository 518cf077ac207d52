/* The exports that the tests call; types as in their own files. */
VOID NTAPI crt_qsort(PVOID base, SIZE_T count, SIZE_T width, PVOID routine);
PVOID NTAPI crt_bsearch(PCVOID key, PVOID base, SIZE_T count, SIZE_T width, PVOID routine);
INT NTAPI crt_rand(void);
VOID NTAPI crt_srand(UINT seed);
INT NTAPI crt_sprintf(PSTR buf, PCSTR format, ...);
INT NTAPI crt_swprintf(PWSTR buf, PCWSTR format, ...);
INT NTAPI crt_snprintf(PSTR buf, SIZE_T count, PCSTR format, ...);
INT NTAPI crt_snwprintf(PWSTR buf, SIZE_T count, PCWSTR format, ...);
INT NTAPI crt_sprintf_s(PSTR buf, SIZE_T size, PCSTR format, ...);
INT NTAPI crt_swprintf_s(PWSTR buf, SIZE_T size, PCWSTR format, ...);
INT NTAPI crt_snprintf_s(PSTR buf, SIZE_T size, SIZE_T count, PCSTR format, ...);
INT NTAPI crt_toupper(INT c);
SIZE_T NTAPI crt_mbstowcs(PWSTR dst, PCSTR src, SIZE_T count);
SIZE_T NTAPI crt_wcstombs(PSTR dst, PCWSTR src, SIZE_T count);
INT NTAPI crt_isspace(INT c);
INT NTAPI crt_isxdigit(INT c);
INT NTAPI crt_isprint(INT c);
WCHAR NTAPI crt_towupper(WCHAR c);
PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry,
                                              PKSPIN_LOCK lock);
PLIST_ENTRY NTAPI ExInterlockedInsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry,
                                              PKSPIN_LOCK lock);
PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY head, PKSPIN_LOCK lock);
PSINGLE_LIST_ENTRY NTAPI ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY head,
                                                    PSINGLE_LIST_ENTRY entry, PKSPIN_LOCK lock);
PSINGLE_LIST_ENTRY NTAPI ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY head, PKSPIN_LOCK lock);
VOID NTAPI InitializeSListHead(PSLIST_HEADER head);
PSLIST_ENTRY NTAPI ExpInterlockedPushEntrySList(PSLIST_HEADER head, PSLIST_ENTRY entry);
PSLIST_ENTRY NTAPI ExpInterlockedPopEntrySList(PSLIST_HEADER head);
PSLIST_ENTRY NTAPI ExpInterlockedFlushSList(PSLIST_HEADER head);
USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER head);
ULONG NTAPI ExInterlockedAddUlong(PULONG addend, ULONG increment, PKSPIN_LOCK lock);
LONGLONG NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER addend, LONGLONG increment,
                                            PKSPIN_LOCK lock);
BOOLEAN NTAPI RtlValidAcl(PACL acl);
NTSTATUS NTAPI RtlCreateAcl(PACL acl, ULONG size, ULONG revision);
NTSTATUS NTAPI RtlGetAce(PACL acl, ULONG index, PVOID *ret);
NTSTATUS NTAPI RtlDeleteAce(PACL acl, ULONG index);
NTSTATUS NTAPI RtlAddAce(PACL acl, ULONG revision, ULONG index, PVOID list, ULONG size);
NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid);
NTSTATUS NTAPI RtlAddAccessAllowedAceEx(PACL acl, ULONG revision, ULONG flags, ACCESS_MASK mask,
                                        PSID sid);
VOID NTAPI RtlInitString(PSTRING dst, PCSZ text);
VOID NTAPI RtlInitAnsiString(PANSI_STRING dst, PCSZ text);
VOID NTAPI RtlCopyString(PSTRING dst, const STRING *src);
NTSTATUS NTAPI RtlAppendStringToString(PSTRING dst, const STRING *src);
LONG NTAPI RtlCompareString(const STRING *a, const STRING *b, BOOLEAN ignore_case);
BOOLEAN NTAPI RtlEqualString(const STRING *a, const STRING *b, BOOLEAN ignore_case);
BOOLEAN NTAPI RtlPrefixString(const STRING *prefix, const STRING *s, BOOLEAN ignore_case);
VOID NTAPI RtlUpperString(PSTRING dst, const STRING *src);
VOID NTAPI RtlFreeAnsiString(PANSI_STRING s);
VOID NTAPI RtlFreeOemString(POEM_STRING s);
VOID NTAPI RtlInitializeGenericTableAvl(PRTL_AVL_TABLE table,
                                        PRTL_AVL_COMPARE_ROUTINE compare_routine,
                                        PRTL_AVL_ALLOCATE_ROUTINE allocate,
                                        PRTL_AVL_FREE_ROUTINE free_routine, PVOID context);
PVOID NTAPI RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE table, PVOID data, ULONG size,
                                                PBOOLEAN ret_new, PVOID node,
                                                TABLE_SEARCH_RESULT where);
PVOID NTAPI RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID data, ULONG size,
                                            PBOOLEAN ret_new);
BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID key);
PVOID NTAPI RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE table, PVOID key, PVOID *ret_node,
                                                TABLE_SEARCH_RESULT *ret_where);
PVOID NTAPI RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID key);
PVOID NTAPI RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE table, PVOID *restart);
PVOID NTAPI RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE table, BOOLEAN restart);
PVOID NTAPI RtlEnumerateGenericTableLikeADirectory(PRTL_AVL_TABLE table,
                                                   PRTL_AVL_MATCH_FUNCTION match, PVOID match_data,
                                                   ULONG next, PVOID *restart, PULONG delete_count,
                                                   PVOID key);
PVOID NTAPI RtlGetElementGenericTableAvl(PRTL_AVL_TABLE table, ULONG i);
ULONG NTAPI RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE table);
BOOLEAN NTAPI RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE table);
VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP map, PULONG buffer, ULONG bits);
VOID NTAPI RtlSetBit(PRTL_BITMAP map, ULONG i);
BOOLEAN NTAPI RtlTestBit(const RTL_BITMAP *map, ULONG i);
VOID NTAPI RtlClearAllBits(PRTL_BITMAP map);
VOID NTAPI RtlClearBits(PRTL_BITMAP map, ULONG start, ULONG count);
VOID NTAPI RtlSetBits(PRTL_BITMAP map, ULONG start, ULONG count);
ULONG NTAPI RtlFindClearBits(const RTL_BITMAP *map, ULONG count, ULONG hint);
ULONG NTAPI RtlFindSetBits(const RTL_BITMAP *map, ULONG count, ULONG hint);
ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP map, ULONG count, ULONG hint);
ULONG NTAPI RtlFindClearRuns(const RTL_BITMAP *map, PRTL_BITMAP_RUN runs, ULONG max,
                             BOOLEAN longest);
ULONG NTAPI RtlFindLongestRunClear(const RTL_BITMAP *map, PULONG ret_start);
ULONG NTAPI RtlFindNextForwardRunClear(const RTL_BITMAP *map, ULONG from, PULONG ret_start);
ULONG NTAPI RtlFindFirstRunClear(const RTL_BITMAP *map, PULONG ret_start);
ULONG NTAPI RtlFindLastBackwardRunClear(const RTL_BITMAP *map, ULONG from, PULONG ret_start);
ULONG NTAPI RtlNumberOfSetBits(const RTL_BITMAP *map);
ULONG NTAPI RtlNumberOfClearBits(const RTL_BITMAP *map);
BOOLEAN NTAPI RtlAreBitsClear(const RTL_BITMAP *map, ULONG start, ULONG count);
BOOLEAN NTAPI RtlAreBitsSet(const RTL_BITMAP *map, ULONG start, ULONG count);
CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG set);
CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG set);
CHAR NTAPI RtlUpperChar(CHAR c);
NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING dst, PCANSI_STRING src,
                                            BOOLEAN allocate);
NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING dst, PCUNICODE_STRING src,
                                            BOOLEAN allocate);
NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING dst, PCUNICODE_STRING src, BOOLEAN allocate);
NTSTATUS NTAPI RtlUnicodeStringToCountedOemString(POEM_STRING dst, PCUNICODE_STRING src,
                                                  BOOLEAN allocate);
ULONG NTAPI RtlxAnsiStringToUnicodeSize(PCANSI_STRING s);
BOOLEAN NTAPI RtlIsValidOemCharacter(PWCHAR c);
NTSTATUS NTAPI RtlUnicodeToUTF8N(PSTR dst, ULONG max, PULONG ret, PCWSTR src, ULONG size);
NTSTATUS NTAPI RtlUTF8ToUnicodeN(PWSTR dst, ULONG max, PULONG ret, PCSTR src, ULONG size);
ULONG NTAPI DbgPrint(PCSTR format, ...);
ULONG NTAPI DbgPrintEx(ULONG component, ULONG level, PCSTR format, ...);
NTSTATUS NTAPI DbgSetDebugPrintCallback(PVOID routine, BOOLEAN enable);
VOID NTAPI DbgBreakPoint(void);
VOID NTAPI RtlAssert(PCSTR assertion, PCSTR file, ULONG line, PCSTR message);
ULONG NTAPI RtlNtStatusToDosErrorNoTeb(NTSTATUS status);
PVOID NTAPI RtlImageNtHeader(PVOID base);
NTSTATUS NTAPI RtlImageNtHeaderEx(ULONG flags, PVOID base, ULONGLONG size, PVOID *ret);
PVOID NTAPI RtlImageDirectoryEntryToData(PVOID base, BOOLEAN mapped, USHORT which, PULONG ret_size);
PVOID NTAPI RtlIpv4AddressToStringA(const UCHAR *address, PSTR dst);
PVOID NTAPI RtlIpv6AddressToStringA(const UCHAR *address, PSTR dst);
PVOID NTAPI RtlMoveMemory(PVOID dst, PCVOID src, SIZE_T size);
VOID NTAPI RtlFillMemory(PVOID dst, SIZE_T size, INT byte);
VOID NTAPI RtlZeroMemory(PVOID dst, SIZE_T size);
SIZE_T NTAPI RtlCompareMemory(PCVOID a, PCVOID b, SIZE_T size);
SIZE_T NTAPI RtlCompareMemoryUlong(PVOID p, SIZE_T size, ULONG pattern);
PVOID NTAPI crt_memset(PVOID dst, INT byte, SIZE_T size);
PVOID NTAPI crt_memchr(PCVOID p, INT byte, SIZE_T size);
INT NTAPI crt_memcpy_s(PVOID dst, SIZE_T room, PCVOID src, SIZE_T size);
VOID NTAPI RtlInitializeUnicodePrefix(PUNICODE_PREFIX_TABLE table);
BOOLEAN NTAPI RtlInsertUnicodePrefix(PUNICODE_PREFIX_TABLE table, PUNICODE_STRING prefix,
                                     PUNICODE_PREFIX_TABLE_ENTRY entry);
PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlFindUnicodePrefix(PUNICODE_PREFIX_TABLE table,
                                                       PUNICODE_STRING name, ULONG exact);
VOID NTAPI RtlRemoveUnicodePrefix(PUNICODE_PREFIX_TABLE table, PUNICODE_PREFIX_TABLE_ENTRY entry);
PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlNextUnicodePrefix(PUNICODE_PREFIX_TABLE table,
                                                       BOOLEAN restart);
BOOLEAN NTAPI RtlIsNameLegalDOS8Dot3(PCUNICODE_STRING name, POEM_STRING oem, PBOOLEAN ret_spaces);
NTSTATUS NTAPI RtlGenerate8dot3Name(PCUNICODE_STRING name, BOOLEAN extended,
                                    PGENERATE_NAME_CONTEXT c, PUNICODE_STRING ret);
NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING s);
NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG value, ULONG base, PUNICODE_STRING s);
NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING s, ULONG base, PULONG ret_value);
NTSTATUS NTAPI RtlCharToInteger(PCSZ s, ULONG base, PULONG ret_value);
NTSTATUS NTAPI RtlStringFromGUID(LPCGUID guid, PUNICODE_STRING ret);
NTSTATUS NTAPI RtlGUIDFromString(PCUNICODE_STRING s, GUID *ret);
VOID NTAPI RtlRunOnceInitialize(PRTL_RUN_ONCE once);
NTSTATUS NTAPI RtlRunOnceBeginInitialize(PRTL_RUN_ONCE once, ULONG flags, PVOID *ret_context);
NTSTATUS NTAPI RtlRunOnceComplete(PRTL_RUN_ONCE once, ULONG flags, PVOID context);
NTSTATUS NTAPI RtlRunOnceExecuteOnce(PRTL_RUN_ONCE once, PRTL_RUN_ONCE_INIT_FN routine,
                                     PVOID parameter, PVOID *ret_context);
VOID NTAPI RtlInitializeRangeList(PRTL_RANGE_LIST list);
VOID NTAPI RtlFreeRangeList(PRTL_RANGE_LIST list);
NTSTATUS NTAPI RtlAddRange(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end, UCHAR attributes,
                           ULONG flags, PVOID user_data, PVOID owner);
NTSTATUS NTAPI RtlDeleteRange(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end, PVOID owner);
NTSTATUS NTAPI RtlInvertRangeList(PRTL_RANGE_LIST inverted, PRTL_RANGE_LIST list);
NTSTATUS NTAPI RtlIsRangeAvailable(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end,
                                   ULONG flags, UCHAR attributes, PVOID context,
                                   PRTL_CONFLICT_RANGE_ROUTINE callback, PBOOLEAN ret);
NTSTATUS NTAPI RtlFindRange(PRTL_RANGE_LIST list, ULONGLONG minimum, ULONGLONG maximum,
                            ULONG length, ULONG alignment, ULONG flags, UCHAR attributes,
                            PVOID context, PRTL_CONFLICT_RANGE_ROUTINE callback,
                            ULONGLONG *ret_start);
NTSTATUS NTAPI RtlGetFirstRange(PRTL_RANGE_LIST list, PRTL_RANGE_LIST_ITERATOR it, PRTL_RANGE *ret);
NTSTATUS NTAPI RtlGetNextRange(PRTL_RANGE_LIST_ITERATOR it, PRTL_RANGE *ret, BOOLEAN forward);
NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, ULONG revision);
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor);
NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PBOOLEAN ret_present,
                                            PACL *ret_acl, PBOOLEAN ret_defaulted);
NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PBOOLEAN ret_present,
                                            PACL *ret_acl, PBOOLEAN ret_defaulted);
NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PSID *ret_sid,
                                             PBOOLEAN ret_defaulted);
NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PSID *ret_sid,
                                             PBOOLEAN ret_defaulted);
NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, BOOLEAN present,
                                            PACL acl, BOOLEAN defaulted);
NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID owner,
                                             BOOLEAN defaulted);
BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR sd);
BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, ULONG size,
                                                 SECURITY_INFORMATION required);
NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR src, PSECURITY_DESCRIPTOR dst,
                                           PULONG size);
NTSTATUS NTAPI RtlSelfRelativeToAbsoluteSD(PSECURITY_DESCRIPTOR src, PSECURITY_DESCRIPTOR dst,
                                           PULONG dst_size, PACL dacl, PULONG dacl_size, PACL sacl,
                                           PULONG sacl_size, PSID owner, PULONG owner_size,
                                           PSID group, PULONG group_size);
BOOLEAN NTAPI RtlValidSid(PSID sid);
ULONG NTAPI RtlLengthRequiredSid(ULONG count);
ULONG NTAPI RtlLengthSid(PSID sid);
NTSTATUS NTAPI RtlInitializeSid(PSID sid, PSID_IDENTIFIER_AUTHORITY authority, UCHAR count);
NTSTATUS NTAPI RtlInitializeSidEx(PSID sid, PSID_IDENTIFIER_AUTHORITY authority, ULONG count, ...);
NTSTATUS NTAPI RtlAllocateAndInitializeSid(PSID_IDENTIFIER_AUTHORITY authority, UCHAR count,
                                           ULONG s0, ULONG s1, ULONG s2, ULONG s3, ULONG s4,
                                           ULONG s5, ULONG s6, ULONG s7, PSID *ret);
PVOID NTAPI RtlFreeSid(PSID sid);
PULONG NTAPI RtlSubAuthoritySid(PSID sid, ULONG i);
BOOLEAN NTAPI RtlEqualSid(PSID a, PSID b);
NTSTATUS NTAPI RtlCopySid(ULONG room, PSID dst, PSID src);
NTSTATUS NTAPI RtlConvertSidToUnicodeString(PUNICODE_STRING dst, PSID sid, BOOLEAN allocate);
VOID NTAPI RtlMapGenericMask(PACCESS_MASK mask, const GENERIC_MAPPING *mapping);
VOID NTAPI RtlInitializeGenericTable(PRTL_GENERIC_TABLE table,
                                     PRTL_GENERIC_COMPARE_ROUTINE compare_routine,
                                     PRTL_GENERIC_ALLOCATE_ROUTINE allocate,
                                     PRTL_GENERIC_FREE_ROUTINE free_routine, PVOID context);
PVOID NTAPI RtlInsertElementGenericTable(PRTL_GENERIC_TABLE table, PVOID data, ULONG size,
                                         PBOOLEAN ret_new);
BOOLEAN NTAPI RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE table, PVOID key);
PVOID NTAPI RtlLookupElementGenericTable(PRTL_GENERIC_TABLE table, PVOID key);
PVOID NTAPI RtlEnumerateGenericTable(PRTL_GENERIC_TABLE table, BOOLEAN restart);
PVOID NTAPI RtlGetElementGenericTable(PRTL_GENERIC_TABLE table, ULONG i);
ULONG NTAPI RtlNumberGenericTableElements(PRTL_GENERIC_TABLE table);
BOOLEAN NTAPI RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE table);
VOID NTAPI RtlTimeToTimeFields(PLARGE_INTEGER time, PTIME_FIELDS ret);
BOOLEAN NTAPI RtlTimeFieldsToTime(const TIME_FIELDS *f, PLARGE_INTEGER ret);
BOOLEAN NTAPI RtlTimeToSecondsSince1970(PLARGE_INTEGER time, PULONG ret);
BOOLEAN NTAPI RtlTimeToSecondsSince1980(PLARGE_INTEGER time, PULONG ret);
VOID NTAPI RtlSecondsSince1970ToTime(ULONG seconds, PLARGE_INTEGER ret);
VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER time, PLARGE_INTEGER ret);
VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER time, PLARGE_INTEGER ret);
VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING dst, PCWSTR text);
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING dst, PCWSTR text);
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING dst, PCUNICODE_STRING src);
NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING dst, PCWSTR src);
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING dst, PCUNICODE_STRING src);
LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case);
BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case);
BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING s,
                                     BOOLEAN ignore_case);
NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING dst, PCUNICODE_STRING src, BOOLEAN allocate);
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING dst, PCWSTR src);
NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG flags, PCUNICODE_STRING src, PUNICODE_STRING dst);
VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING s);
NTSTATUS NTAPI RtlHashUnicodeString(PCUNICODE_STRING s, BOOLEAN ignore_case, ULONG algorithm,
                                    PULONG ret_hash);
NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOEXW info);
NTSTATUS NTAPI RtlVerifyVersionInfo(const RTL_OSVERSIONINFOEXW *want, ULONG types, ULONGLONG mask);
ULONGLONG NTAPI VerSetConditionMask(ULONGLONG mask, ULONG type, UCHAR condition);
BOOLEAN NTAPI RtlIsNtDdiVersionAvailable(ULONG version);
BOOLEAN NTAPI PsGetVersion(PULONG major, PULONG minor, PULONG build, PUNICODE_STRING pack);
ULONG NTAPI RtlRandomEx(PULONG seed);
CHAR *NTAPI crt_strcpy(CHAR *dst, const CHAR *src);
CHAR *NTAPI crt_strcat(CHAR *dst, const CHAR *src);
CHAR *NTAPI crt_strncpy(CHAR *dst, const CHAR *src, SIZE_T count);
CHAR *NTAPI crt_strncat(CHAR *dst, const CHAR *src, SIZE_T count);
INT NTAPI crt_strcpy_s(CHAR *dst, SIZE_T room, const CHAR *src);
INT NTAPI crt_strcat_s(CHAR *dst, SIZE_T room, const CHAR *src);
INT NTAPI crt_strncpy_s(CHAR *dst, SIZE_T room, const CHAR *src, SIZE_T count);
INT NTAPI crt_strncat_s(CHAR *dst, SIZE_T room, const CHAR *src, SIZE_T count);
INT NTAPI crt_strcmp(const CHAR *a, const CHAR *b);
INT NTAPI crt_strncmp(const CHAR *a, const CHAR *b, SIZE_T count);
INT NTAPI crt__stricmp(const CHAR *a, const CHAR *b);
INT NTAPI crt__strnicmp(const CHAR *a, const CHAR *b, SIZE_T count);
CHAR *NTAPI crt_strchr(const CHAR *s, INT c);
CHAR *NTAPI crt_strrchr(const CHAR *s, INT c);
CHAR *NTAPI crt_strstr(const CHAR *s, const CHAR *what);
SIZE_T NTAPI crt_strspn(const CHAR *s, const CHAR *set);
CHAR *NTAPI crt_strtok_s(CHAR *s, const CHAR *set, CHAR **context);
CHAR *NTAPI crt__strlwr(CHAR *s);
CHAR *NTAPI crt__strupr(CHAR *s);
INT NTAPI crt__strupr_s(CHAR *s, SIZE_T room);
CHAR *NTAPI crt__strrev(CHAR *s);
CHAR *NTAPI crt__strset(CHAR *s, INT c);
CHAR *NTAPI crt_itoa(LONG value, CHAR *dst, INT radix);
CHAR *NTAPI crt_i64toa(LONGLONG value, CHAR *dst, INT radix);
CHAR *NTAPI crt_ui64toa(ULONGLONG value, CHAR *dst, INT radix);
INT NTAPI crt_itoa_s(LONG value, CHAR *dst, SIZE_T room, INT radix);
LONG NTAPI crt_strtol(const CHAR *s, CHAR **ret_end, INT base);
ULONG NTAPI crt_strtoul(const CHAR *s, CHAR **ret_end, INT base);
ULONGLONG NTAPI crt__strtoui64(const CHAR *s, CHAR **ret_end, INT base);
LONG NTAPI crt_atoi(const CHAR *s);
INT NTAPI crt__wcsicmp(const WCHAR *a, const WCHAR *b);
INT NTAPI crt__wcsnicmp(const WCHAR *a, const WCHAR *b, SIZE_T count);
WCHAR *NTAPI crt_wcsstr(const WCHAR *s, const WCHAR *what);
SIZE_T NTAPI crt_wcscspn(const WCHAR *s, const WCHAR *set);
WCHAR *NTAPI crt__wcslwr(WCHAR *s);
WCHAR *NTAPI crt_wultoa(ULONG value, WCHAR *dst, INT radix);
LONG NTAPI crt_watoi(const WCHAR *s);
