# Windows drivers from source: clang-19 for the MSVC target, lld-link-19, mingw-w64's headers, and an import
# library made from our own export tables. pp_driver(NAME out SOURCES a.c [DEFINES X=1] [LINK /option] [PLAIN])
find_program(DRIVER_CLANG NAMES clang-19 REQUIRED)
find_program(DRIVER_LINK NAMES lld-link-19 REQUIRED)
find_program(DRIVER_DLLTOOL NAMES llvm-dlltool-19 REQUIRED)
find_path(DDK_INCLUDE ntddk.h PATHS /usr/share/mingw-w64/include/ddk REQUIRED NO_DEFAULT_PATH)
get_filename_component(MINGW_INCLUDE ${DDK_INCLUDE} DIRECTORY)
execute_process(COMMAND ${DRIVER_CLANG} -print-resource-dir
    OUTPUT_VARIABLE DRIVER_RESOURCE_DIR OUTPUT_STRIP_TRAILING_WHITESPACE)

set(DRIVER_CFLAGS --target=x86_64-pc-windows-msvc -fgnuc-version=12.2 -fms-extensions
    -fasync-exceptions -ffreestanding -fasynchronous-unwind-tables -O1 -g -gcodeview -gno-codeview-command-line
    -fno-strict-aliasing -fno-delete-null-pointer-checks -mno-stack-arg-probe -mno-implicit-float
    -fdebug-compilation-dir=. -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=
    -nostdinc -isystem ${DRIVER_RESOURCE_DIR}/include -isystem ${DDK_INCLUDE} -isystem ${MINGW_INCLUDE}
    -D_AMD64_ -D_WIN64 -D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DNTDDI_VERSION=0x0A000006
    -I${CMAKE_SOURCE_DIR}/tests/drivers/common -Wall -Werror -Wno-unknown-pragmas
    -Wno-pragma-pack -Wno-ignored-attributes -Wno-microsoft -Wno-unused-function)
set(DRIVER_LFLAGS /driver /subsystem:native /nodefaultlib /dynamicbase /nxcompat /debug /machine:x64
    /entry:DriverEntry /opt:noicf /Brepro /pdbaltpath:%_PDB% /pdbsourcepath:.)

set(DRIVER_DIR ${CMAKE_BINARY_DIR}/drivers)
file(MAKE_DIRECTORY ${DRIVER_DIR})
file(GLOB EXPORT_TABLES ${CMAKE_SOURCE_DIR}/src/kernel/exports/*.def)
add_custom_command(OUTPUT ${DRIVER_DIR}/ntoskrnl.lib ${DRIVER_DIR}/hal.lib
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/make_import_lib ${DRIVER_DLLTOOL} ${DRIVER_DIR} ${EXPORT_TABLES}
    DEPENDS ${EXPORT_TABLES} ${CMAKE_SOURCE_DIR}/scripts/make_import_lib)
add_custom_target(driver_libs DEPENDS ${DRIVER_DIR}/ntoskrnl.lib ${DRIVER_DIR}/hal.lib)

function(pp_driver)
    cmake_parse_arguments(D "PLAIN" "NAME" "SOURCES;DEFINES;LINK" ${ARGN})
    set(objects "")
    if(NOT D_PLAIN)
        list(APPEND D_SOURCES ${CMAKE_SOURCE_DIR}/tests/drivers/common/support.c)
    endif()
    set(defines "")
    foreach(d ${D_DEFINES})
        list(APPEND defines -D${d})
    endforeach()
    set(n 0)
    foreach(src ${D_SOURCES})
        get_filename_component(src ${src} ABSOLUTE)
        get_filename_component(base ${src} NAME_WE)
        set(obj ${DRIVER_DIR}/${D_NAME}.${n}.${base}.obj)
        math(EXPR n "${n} + 1")
        set(guard -fstack-protector-strong)
        if(base STREQUAL support)
            set(guard -fno-stack-protector)
        endif()
        add_custom_command(OUTPUT ${obj}
            COMMAND ${DRIVER_CLANG} ${DRIVER_CFLAGS} ${guard} ${defines} -MD -MF ${obj}.d -c ${src} -o ${obj}
            DEPENDS ${src} DEPFILE ${obj}.d)
        list(APPEND objects ${obj})
    endforeach()
    add_custom_command(OUTPUT ${DRIVER_DIR}/${D_NAME}.sys
        COMMAND ${DRIVER_LINK} ${DRIVER_LFLAGS} ${D_LINK} /out:${DRIVER_DIR}/${D_NAME}.sys
            /pdb:${DRIVER_DIR}/${D_NAME}.pdb ${objects} ${DRIVER_DIR}/ntoskrnl.lib ${DRIVER_DIR}/hal.lib
        DEPENDS ${objects} driver_libs)
    set_property(GLOBAL APPEND PROPERTY PP_DRIVERS ${DRIVER_DIR}/${D_NAME}.sys)
endfunction()
