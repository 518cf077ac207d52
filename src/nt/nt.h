/* All of nt/, for layers that want everything. */
#ifndef NT_NT_H
#define NT_NT_H

#include "nt/arch.h"
#include "nt/io.h"
#include "nt/iodef.h"
#include "nt/ke.h"
#include "nt/ps.h"
#include "nt/se.h"
#include "nt/status.h"
#include "nt/types.h"

#endif
