/* Driver Verifier's options: bits of /flags and rule classes.
 * Doc: Windows driver documentation, "Driver Verifier Options", "Driver Verifier Command Syntax".
 */
#include "tools/verifier.h"

#define STD VR_STANDARD
#define VOL VR_VOLATILE
#define IO VR_NEEDS_IO
#define NONE VR_NO_EFFECT
#define NOW VR_NOW

const struct vr_flag vr_flags[VR_FLAG_COUNT] = {
    {0x00000001, 1, STD | VOL | NOW, "Special pool"},
    {0x00000002, 2, STD | VOL | NOW, "Force IRQL checking"},
    {0x00000004, 3, VOL, "Randomized low resources simulation"},
    {0x00000008, 4, STD | VOL | NOW, "Pool tracking"},
    {0x00000010, 5, STD | VOL | NOW, "I/O verification"},
    {0x00000020, 6, STD | VOL, "Deadlock detection"},
    {0x00000080, 8, STD | VOL, "DMA checking"},
    {0x00000100, 9, STD | VOL | NOW, "Security checks"},
    {0x00000200, 10, VOL | IO | NONE, "Force pending I/O requests"},
    {0x00000400, 11, VOL | IO | NONE, "IRP logging"},
    {0x00000800, 12, STD | VOL | NOW, "Miscellaneous checks"},
    {0x00002000, 14, VOL | IO | NONE, "Invariant MDL checking for stack"},
    {0x00004000, 15, VOL | IO | NONE, "Invariant MDL checking for driver"},
    {0x00008000, 16, NONE, "Power framework delay fuzzing"},
    {0x00010000, 17, NONE, "Port/miniport interface checking"},
    {0x00020000, 18, STD | NOW, "DDI compliance checking"},
    {0x00040000, 19, NOW, "Systematic low resources simulation"},
    {0x00080000, 20, NONE | NOW, "DDI compliance checking (additional)"},
    {0x00100000, 34, NONE, "WDF verification"},
    {0x00200000, 22, NONE, "NDIS/WIFI verification"},
    {0x00800000, 24, NONE, "Kernel synchronization delay fuzzing"},
    {0x01000000, 25, NONE, "VM switch verification"},
    {0x02000000, 26, NONE, "Code integrity checks"},
    {0x00000040, 7, NONE, "Enhanced I/O verification"},
    {0, 33, NONE, "Driver isolation checks"},
    {0, 35, NONE, "Additional IRQL checking"},
    {0, 36, NONE | NOW, "DIF mode"},
    {0, 37, NONE, "File system filter verification"},
};

uint32_t vr_complete(uint32_t level)
{
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        if ((vr_flags[i].bit & level) && (vr_flags[i].kind & VR_NEEDS_IO))
            level |= VR_IO;
    }
    return level;
}

bool vr_classes_to_level(uint64_t classes, uint32_t *ret_level, uint64_t *ret_rest,
                         uint32_t *ret_unknown)
{
    *ret_level = 0;
    *ret_rest = 0;
    for (uint32_t n = 0; n < 64; n++) {
        const struct vr_flag *found = NULL;

        if (!(classes >> n & 1))
            continue;
        for (size_t i = 0; i < VR_FLAG_COUNT && !found; i++)
            found = vr_flags[i].rule_class == n ? &vr_flags[i] : NULL;
        if (!found) {
            *ret_unknown = n;
            return false;
        }
        *ret_level |= found->bit;
        *ret_rest |= found->bit ? 0 : 1ull << n;
    }
    return true;
}

uint64_t vr_level_to_classes(uint32_t level, uint64_t rest)
{
    for (size_t i = 0; i < VR_FLAG_COUNT; i++)
        rest |= vr_flags[i].bit & level ? 1ull << vr_flags[i].rule_class : 0;
    return rest;
}
