/* Blocks of special pool are charged to nobody. */
#include "api.h"

static void special_pool_is_not_charged(void)
{
    BOOLEAN yes = TRUE;
    PVOID p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    EXPECT(p != NULL);
    (void)ExQueryPoolBlockSize(p, &yes);
    EXPECT(yes == FALSE);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
}

CHECKS(CHECK(special_pool_is_not_charged));
