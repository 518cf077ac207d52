/*
 * Model-specific registers of a plausible processor at rest: reads of known ones succeed, unknown ones
 * fault (#GP) as on hardware. Written values are kept.
 *
 * Doc: Intel 64 and IA-32 Software Developer's Manual, volume 4, chapter 2.
 */
#include "kernel/kernel_priv.h"

enum { READ_ONLY = 1 };

static struct msr {
    uint32_t number;
    uint32_t flags;
    uint64_t value;
} table[] = {
    {0x10, 0, 0},                   /* IA32_TIME_STAMP_COUNTER: from the clock */
    {0x17, READ_ONLY, 0},           /* IA32_PLATFORM_ID */
    {0x1B, 0, 0xFEE00900},          /* IA32_APIC_BASE: enabled, boot processor */
    {0x2A, 0, 0},                   /* EBL_CR_POWERON */
    {0x35, READ_ONLY, 0x00020002},  /* MSR_CORE_THREAD_COUNT */
    {0x3A, 0, 1},                   /* IA32_FEATURE_CONTROL: locked */
    {0x8B, 0, 0x000000F000000000},  /* IA32_BIOS_SIGN_ID: microcode F0 */
    {0xCE, READ_ONLY, 0x80838F1012400}, /* MSR_PLATFORM_INFO: 3.6 GHz, lowest 800 MHz */
    {0xE2, 0, 0x1E008403},          /* MSR_PKG_CST_CONFIG_CONTROL */
    {0xE7, 0, 0},                   /* IA32_MPERF */
    {0xE8, 0, 0},                   /* IA32_APERF */
    {0xFE, READ_ONLY, 0xD0A},       /* IA32_MTRRCAP */
    {0x174, 0, 0x10},               /* IA32_SYSENTER_CS, _ESP, _EIP */
    {0x175, 0, 0},
    {0x176, 0, 0},
    {0x179, READ_ONLY, 0xC0A},      /* IA32_MCG_CAP */
    {0x17A, 0, 0},
    {0x186, 0, 0},                  /* IA32_PERFEVTSEL0 to 3 */
    {0x187, 0, 0},
    {0x188, 0, 0},
    {0x189, 0, 0},
    {0x194, 0, 0},                  /* MSR_FLEX_RATIO */
    {0x198, READ_ONLY, 0x1F3400002400}, /* IA32_PERF_STATUS: ratio 36, 0.95 V */
    {0x199, 0, 0x2400},             /* IA32_PERF_CTL */
    {0x19A, 0, 0},                  /* IA32_CLOCK_MODULATION */
    {0x19B, 0, 0},                  /* IA32_THERM_INTERRUPT */
    {0x19C, 0, 0x88370000},         /* IA32_THERM_STATUS: valid, 55 degrees below the limit */
    {0x1A0, 0, 0x850089},           /* IA32_MISC_ENABLE */
    {0x1A2, 0, 0x640000},           /* MSR_TEMPERATURE_TARGET: 100 degrees */
    {0x1AA, 0, 0x401CC1},           /* MSR_MISC_PWR_MGMT */
    {0x1AD, READ_ONLY, 0x25252627}, /* MSR_TURBO_RATIO_LIMIT */
    {0x1B0, 0, 6},                  /* IA32_ENERGY_PERF_BIAS */
    {0x1B1, 0, 0x88360000},         /* IA32_PACKAGE_THERM_STATUS */
    {0x1B2, 0, 0},
    {0x1D9, 0, 0},                  /* IA32_DEBUGCTL */
    {0x1FC, 0, 0x4005F},            /* MSR_POWER_CTL */
    {0x277, 0, 0x0007010600070106}, /* IA32_PAT */
    {0x2FF, 0, 0xC06},              /* IA32_MTRR_DEF_TYPE */
    {0x38D, 0, 0},                  /* IA32_FIXED_CTR_CTRL */
    {0x38E, 0, 0},
    {0x38F, 0, 0},
    {0x600, 0, 0},
    {0x606, READ_ONLY, 0xA0E03},    /* MSR_RAPL_POWER_UNIT */
    {0x610, 0, 0x4283E800DD8320},   /* MSR_PKG_POWER_LIMIT */
    {0x611, READ_ONLY, 0x1000000},  /* MSR_PKG_ENERGY_STATUS */
    {0x614, READ_ONLY, 0x208},
    {0x619, READ_ONLY, 0x100000},   /* MSR_DRAM_ENERGY_STATUS */
    {0x639, READ_ONLY, 0x800000},   /* MSR_PP0_ENERGY_STATUS */
    {0x641, READ_ONLY, 0x1000},
    {0xC0000080, 0, 0xD01},         /* IA32_EFER: long mode, syscall, no-execute */
    {0xC0000081, 0, 0x0023001000000000}, /* IA32_STAR */
    {0xC0000082, 0, 0},             /* IA32_LSTAR: an address inside the kernel's stubs */
    {0xC0000083, 0, 0},
    {0xC0000084, 0, 0x4700},        /* IA32_FMASK */
    {0xC0000100, 0, 0},             /* IA32_FS_BASE, _GS_BASE, _KERNEL_GS_BASE */
    {0xC0000101, 0, KE_PCR_LOW},
    {0xC0000102, 0, 0},
    {0xC0000103, 0, 0},             /* IA32_TSC_AUX */
};

/* Machine check banks 0 to 9 (0x400 to 0x427), MTRRs (0x200 to 0x20F, 0x250 to 0x26F): zero at rest. */
static bool is_quiet(uint32_t n)
{
    return (n >= 0x400 && n <= 0x427) || (n >= 0x200 && n <= 0x20F) || n == 0x250 || n == 0x258 ||
           n == 0x259 || (n >= 0x268 && n <= 0x26F) || (n >= 0xC1 && n <= 0xC8);
}

static struct msr *find(uint32_t number)
{
    for (size_t i = 0; i < PP_COUNT(table); i++)
        if (table[i].number == number)
            return &table[i];
    return NULL;
}

bool hal_msr_read(uint32_t msr, uint64_t *ret)
{
    const struct msr *m = find(msr);
    uint64_t ticks;

    if (!m) {
        if (!is_quiet(msr))
            return false;
        *ret = 0;
        return true;
    }
    switch (msr) {
    case 0x10: /* 3.6 GHz */
    case 0xE7:
    case 0xE8:
        ticks = ke_time_now() * 360;
        ke_time_poll();
        *ret = m->value + ticks;
        break;
    case 0xC0000082:
        *ret = m->value ? m->value : KE_STUB_LOW;
        break;
    default:
        *ret = m->value;
    }
    return true;
}

bool hal_msr_write(uint32_t msr, uint64_t value)
{
    struct msr *m = find(msr);

    if (!m)
        return is_quiet(msr);
    if (m->flags & READ_ONLY)
        return false;
    m->value = value;
    return true;
}
