/* Allocations under tags that nobody should use, all of them freed: no rule is broken, `pooltag --hygiene`
 * has something to say. */
#include "rule.h"

#define TAG_DDK ' kdD'       /* the default of ntddk.h */
#define TAG_WDM ' mdW'       /* the default of wdm.h */
#define TAG_BYTES 0x62610103 /* bytes 03 01 61 62 */
#define TAG_MARKUP '>"a<'    /* shown as <a"> */
#define TAG_SHORT 0x00626154 /* 'baT', three characters, shown as "Tab " */

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

static void use(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    PVOID block = ExAllocatePoolWithTag(type, size, tag);

    if (block)
        ExFreePoolWithTag(block, tag);
}

RULE_PART NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    for (int i = 0; i < 3; i++)
        use(PagedPool, 100, TAG_DDK);
    use(NonPagedPoolNx, 200, TAG_WDM);
    use(PagedPool, 48, TAG_WDM);
    use(NonPagedPoolNx, 32, TAG_BYTES);
    use(NonPagedPoolNx, 16, TAG_MARKUP);
    use(NonPagedPoolNx, 64, TAG_SHORT);
    return STATUS_SUCCESS;
}
