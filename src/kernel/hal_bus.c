/*
 * Buses as the HAL shows them: one PCI bus with a host bridge, an ISA bridge, and one device for drivers
 * to find; addresses translate one to one.
 *
 * Doc: PCI Local Bus Specification 3.0, section 6.1; Microsoft Learn, ntddk.h: HalGetBusDataByOffset and
 * neighbours (obsolete, but imported by most hardware utilities).
 */
#include "kernel/hal_bus.h"

#include <string.h>

enum { SPACE = 256, FUNCTIONS = 3, BAR0 = 0x10, BAR5 = 0x24, ROM = 0x30, COMMAND = 0x04, STATUS = 0x06 };

struct function {
    unsigned devfn;
    uint32_t bar_size[6]; /* 0: not there; the value's low bits say memory (0) or ports (1) */
    uint8_t space[SPACE];
};

#define LE16(v) (uint8_t)((v) & 0xFF), (uint8_t)((v) >> 8)
#define LE32(v) LE16((v) & 0xFFFF), LE16((uint32_t)(v) >> 16)

static struct function functions[FUNCTIONS] = {
    /* 82441FX host bridge, 82371SB ISA bridge: what a virtual PC has as well. */
    {.devfn = 0, .space = {LE16(0x8086), LE16(0x1237), LE16(0x0007), LE16(0x0280), 2, 0, 0, 6, 0, 0, 0, 0}},
    {.devfn = 1 << 3, .space = {LE16(0x8086), LE16(0x7000), LE16(0x0007), LE16(0x0280), 0, 0, 1, 6, 0, 0, 0x80, 0}},
    /* A device of vendor 1234, class "other": 64 KB of registers, 256 ports, interrupt 11. */
    {.devfn = 3 << 3,
     .bar_size = {0x10000, 0x100},
     .space = {LE16(0x1234), LE16(0x11E8), LE16(0x0007), LE16(0x0280), 0x10, 0, 0, 0xFF, 0x10, 0, 0, 0,
               LE32(0xFEB00000), LE32(0xC001)}},
};
static bool is_ready;

static void prepare(void)
{
    struct function *f = &functions[2];

    if (is_ready)
        return;
    is_ready = true;
    memcpy(f->space + 0x2C, (const uint8_t[]){LE16(0x1AF4), LE16(0x1100)}, 4); /* subsystem */
    f->space[0x3C] = 11;
    f->space[0x3D] = 1; /* INTA# */
}

static struct function *function_at(unsigned bus, unsigned devfn)
{
    prepare();
    for (unsigned i = 0; bus == 0 && i < FUNCTIONS; i++)
        if (functions[i].devfn == devfn)
            return &functions[i];
    return NULL;
}

uint32_t hal_pci_read(unsigned bus, unsigned devfn, unsigned offset, unsigned size)
{
    const struct function *f = function_at(bus, devfn);
    uint32_t v = UINT32_MAX;

    if (f && offset + size <= SPACE) {
        v = 0;
        memcpy(&v, f->space + offset, size);
    }
    return size == 4 ? v : v & ((1u << (8 * size)) - 1);
}

/* Base addresses keep their size bits at zero, so that a driver can measure them. */
static void settle_bars(struct function *f)
{
    for (unsigned i = 0; i < 6; i++) {
        uint32_t v = pp_load32(f->space + BAR0 + 4 * i);
        uint32_t kind = i == 1 && f->bar_size[i] ? 1 : 0;

        v = f->bar_size[i] ? (v & ~(f->bar_size[i] - 1)) | kind : 0;
        memcpy(f->space + BAR0 + 4 * i, &v, 4);
    }
    memset(f->space + ROM, 0, 4);
}

static bool is_writable(unsigned offset)
{
    return (offset >= COMMAND && offset < STATUS) || offset == 0x0C || offset == 0x0D ||
           (offset >= BAR0 && offset < BAR5 + 4) || (offset >= ROM && offset < ROM + 4) ||
           offset == 0x3C || offset >= 0x40;
}

void hal_pci_write(unsigned bus, unsigned devfn, unsigned offset, uint32_t value, unsigned size)
{
    struct function *f = function_at(bus, devfn);

    if (!f || offset + size > SPACE)
        return;
    for (unsigned i = 0; i < size; i++)
        if (is_writable(offset + i))
            f->space[offset + i] = (uint8_t)(value >> (8 * i));
    settle_bars(f);
}

/* ---- Exports ---- */

/* Bytes moved. No such device: 2 bytes, an invalid vendor. No such bus: 0. */
static ULONG pci_get(ULONG bus, ULONG slot, PVOID buffer, ULONG offset, ULONG length)
{
    PCI_SLOT_NUMBER s = {.AsULONG = slot};
    const struct function *f;
    const uint8_t none[2] = {0xFF, 0xFF};

    if (bus != 0)
        return 0;
    f = function_at(bus, (unsigned)(s.bits.DeviceNumber << 3 | s.bits.FunctionNumber));
    if (!f) {
        mm_copy(buffer, none, PP_MIN(length, (ULONG)sizeof none));
        return PP_MIN(length, (ULONG)sizeof none);
    }
    if (offset >= SPACE)
        return 0;
    length = PP_MIN(length, SPACE - offset);
    mm_copy(buffer, f->space + offset, length);
    return length;
}

static ULONG pci_set(ULONG bus, ULONG slot, PVOID buffer, ULONG offset, ULONG length)
{
    PCI_SLOT_NUMBER s = {.AsULONG = slot};
    unsigned devfn = (unsigned)(s.bits.DeviceNumber << 3 | s.bits.FunctionNumber);
    uint8_t bytes[SPACE];

    if (bus != 0 || offset >= SPACE || !function_at(bus, devfn))
        return 0;
    length = PP_MIN(length, SPACE - offset);
    mm_copy(bytes, buffer, length);
    for (ULONG i = 0; i < length; i++)
        hal_pci_write(bus, devfn, offset + i, bytes[i], 1);
    return length;
}

static ULONG cmos_move(ULONG bus, ULONG slot, PVOID buffer, ULONG length, bool is_write)
{
    uint8_t bytes[SPACE];

    if (bus > 0 || slot >= 128) /* bus 1 is extended CMOS, which is not there */
        return 0;
    length = PP_MIN(length, 128 - slot);
    if (is_write)
        mm_copy(bytes, buffer, length);
    for (ULONG i = 0; i < length; i++) {
        hal_port_write(0x70, slot + i, 1);
        if (is_write)
            hal_port_write(0x71, bytes[i], 1);
        else
            bytes[i] = (uint8_t)hal_port_read(0x71, 1);
    }
    if (!is_write)
        mm_copy(buffer, bytes, length);
    return length;
}

/* Doc: nf-ntddk-halgetbusdatabyoffset. Other buses are not there: 0. */
NT_EXPORT ULONG NTAPI HalGetBusDataByOffset(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer,
                                            ULONG offset, ULONG length)
{
    switch (type) {
    case PCIConfiguration: return pci_get(bus, slot, buffer, offset, length);
    case Cmos: return cmos_move(bus, slot, buffer, length, false);
    default: return 0;
    }
}

NT_EXPORT ULONG NTAPI HalGetBusData(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer, ULONG length)
{
    return HalGetBusDataByOffset(type, bus, slot, buffer, 0, length);
}

NT_EXPORT ULONG NTAPI HalSetBusDataByOffset(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer,
                                            ULONG offset, ULONG length)
{
    switch (type) {
    case PCIConfiguration: return pci_set(bus, slot, buffer, offset, length);
    case Cmos: return cmos_move(bus, slot, buffer, length, true);
    default: return 0;
    }
}

NT_EXPORT ULONG NTAPI HalSetBusData(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer, ULONG length)
{
    return HalSetBusDataByOffset(type, bus, slot, buffer, 0, length);
}

/* Doc: HalTranslateBusAddress (ntddk.h, obsolete): bus and processor addresses are the same on a PC. */
NT_EXPORT BOOLEAN NTAPI HalTranslateBusAddress(INTERFACE_TYPE type, ULONG bus, PHYSICAL_ADDRESS address,
                                               PULONG space, PPHYSICAL_ADDRESS translated)
{
    (void)bus;
    if (type < Internal || type >= MaximumInterfaceType || *space > 1)
        return FALSE;
    *translated = address;
    return TRUE;
}

/* Doc: HalGetInterruptVector (obsolete). IRQL and vector as an I/O APIC without remapping gives them. */
NT_EXPORT ULONG NTAPI HalGetInterruptVector(INTERFACE_TYPE type, ULONG bus, ULONG level, ULONG vector,
                                            PKIRQL irql, PKAFFINITY affinity)
{
    (void)type;
    (void)bus;
    (void)vector;
    if (level > 23) {
        *affinity = 0;
        *irql = 0;
        return 0;
    }
    *irql = (KIRQL)(3 + level % 9);
    *affinity = ((KAFFINITY)1 << ke_m.config.cpus) - 1;
    return ((ULONG)*irql << 4) + (level & 0xF);
}

/* Doc: HalMakeBeep (obsolete): there is a speaker, which nobody hears. */
NT_EXPORT BOOLEAN NTAPI HalMakeBeep(ULONG frequency)
{
    uint8_t on = frequency ? 3 : 0;

    if (frequency && (frequency < 19 || frequency > 1193182))
        return FALSE; /* not a divisor of the timer's clock */
    hal_port_write(0x61, (hal_port_read(0x61, 1) & ~3u) | on, 1);
    return TRUE;
}
