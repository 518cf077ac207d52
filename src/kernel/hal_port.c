/*
 * Ports: a small PC. Configuration mechanism 1 (0xCF8, 0xCFC), clock and CMOS (0x70, 0x71), ACPI timer,
 * system control port. What no device claims reads as all ones, as on a PCI bus, and swallows writes.
 *
 * Doc: PCI Local Bus Specification 3.0, section 3.2.2.3.2; MC146818 data sheet; ACPI 6, section 4.8.3.3.
 */
#include "kernel/hal_bus.h"

enum {
    PORT_CMOS_INDEX = 0x70,
    PORT_CMOS_DATA = 0x71,
    PORT_SYSTEM_B = 0x61,
    PORT_POST = 0x80,
    PORT_PM_TIMER = 0x408,
    PORT_PCI_ADDRESS = 0xCF8,
    PORT_PCI_DATA = 0xCFC,
    PM_TIMER_HZ = 3579545,
    CMOS_SIZE = 128,
};

static struct {
    uint32_t pci_address;
    uint8_t cmos_index, cmos[CMOS_SIZE];
    uint8_t system_b, post;
} g;

static uint8_t bcd(unsigned v)
{
    return (uint8_t)(v / 10 * 16 + v % 10);
}

/* Date from days since 1601-01-01 (proleptic Gregorian, in 400-year eras). */
static void civil(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t z = days + 584694; /* 1601-01-01 counted from 0000-03-01 */
    uint64_t era, doe, yoe, doy, mp;

    era = z / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = (unsigned)(yoe + era * 400 + (*month <= 2));
}

static uint8_t cmos_read(uint8_t index)
{
    uint64_t s = ke_time_system() / 10000000;
    unsigned year, month, day;

    civil(s / 86400, &year, &month, &day);
    switch (index) {
    case 0x00: return bcd((unsigned)(s % 60));
    case 0x02: return bcd((unsigned)(s / 60 % 60));
    case 0x04: return bcd((unsigned)(s / 3600 % 24));
    case 0x06: return (uint8_t)((s / 86400 + 1) % 7 + 1); /* 1601-01-01 was a Monday; Sunday is 1 */
    case 0x07: return bcd(day);
    case 0x08: return bcd(month);
    case 0x09: return bcd(year % 100);
    case 0x32: return bcd(year / 100);
    case 0x0A: return 0x26; /* 32768 Hz, 1024 interrupts */
    case 0x0B: return 0x02; /* 24 hours, BCD */
    case 0x0C: return 0;
    case 0x0D: return 0x80; /* battery good */
    default: return g.cmos[index & (CMOS_SIZE - 1)];
    }
}

static uint8_t read8(uint16_t port)
{
    switch (port) {
    case PORT_CMOS_DATA: return cmos_read(g.cmos_index);
    case PORT_SYSTEM_B:
        g.system_b ^= 0x10; /* refresh toggles at each look */
        return g.system_b;
    case PORT_POST: return g.post;
    case 0x21: /* interrupt masks */
    case 0xA1: return 0xFF;
    default: return 0xFF;
    }
}

uint32_t hal_port_read(uint16_t port, unsigned size)
{
    uint32_t ones = size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;

    if (port == PORT_PCI_ADDRESS && size == 4)
        return g.pci_address;
    if (port >= PORT_PCI_DATA && port + size <= PORT_PCI_DATA + 4) {
        uint32_t a = g.pci_address;

        if (!(a & 0x80000000u))
            return ones;
        return hal_pci_read((a >> 16) & 0xFF, (a >> 8) & 0xFF, (a & 0xFC) + (port - PORT_PCI_DATA), size);
    }
    if (port == PORT_PM_TIMER && size == 4) {
        uint64_t now = ke_time_now();

        ke_time_poll();
        return (uint32_t)(now / 10000000 * PM_TIMER_HZ + now % 10000000 * PM_TIMER_HZ / 10000000) &
               0xFFFFFF;
    }
    return size == 1 ? read8(port) : ones;
}

void hal_port_write(uint16_t port, uint32_t value, unsigned size)
{
    if (port == PORT_PCI_ADDRESS && size == 4) {
        g.pci_address = value & 0x80FFFFFCu;
        return;
    }
    if (port >= PORT_PCI_DATA && port + size <= PORT_PCI_DATA + 4) {
        uint32_t a = g.pci_address;

        if (a & 0x80000000u)
            hal_pci_write((a >> 16) & 0xFF, (a >> 8) & 0xFF, (a & 0xFC) + (port - PORT_PCI_DATA), value,
                          size);
        return;
    }
    switch (port) {
    case PORT_CMOS_INDEX: g.cmos_index = value & (CMOS_SIZE - 1); break;
    case PORT_CMOS_DATA: g.cmos[g.cmos_index] = (uint8_t)value; break;
    case PORT_SYSTEM_B: g.system_b = (uint8_t)((g.system_b & 0x30) | (value & 0x0F)); break;
    case PORT_POST: g.post = (uint8_t)value; break;
    default: break;
    }
}
