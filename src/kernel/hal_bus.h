/* The PCI bus, as hal_bus.c and hal_port.c share it. */
#ifndef POOLPROOF_HAL_BUS_H
#define POOLPROOF_HAL_BUS_H

#include "kernel/kernel_priv.h"

/* `devfn`: device << 3 | function. Configuration space of what is not there reads as all ones. */
uint32_t hal_pci_read(unsigned bus, unsigned devfn, unsigned offset, unsigned size);
void hal_pci_write(unsigned bus, unsigned devfn, unsigned offset, uint32_t value, unsigned size);

#endif
