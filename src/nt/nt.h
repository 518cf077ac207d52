/* All of nt/, for layers that want everything. */
#ifndef NT_NT_H
#define NT_NT_H

#include "nt/arch.h"
#include "nt/bugcheck.h"
#include "nt/cc.h"
#include "nt/dma.h"
#include "nt/ex.h"
#include "nt/fastio.h"
#include "nt/file.h"
#include "nt/guid.h"
#include "nt/io.h"
#include "nt/iodef.h"
#include "nt/ke.h"
#include "nt/mm.h"
#include "nt/pnp.h"
#include "nt/ps.h"
#include "nt/reg.h"
#include "nt/resource.h"
#include "nt/rtl.h"
#include "nt/se.h"
#include "nt/status.h"
#include "nt/sys.h"
#include "nt/types.h"
#include "nt/usb.h"
#include "nt/wmi.h"

#endif
