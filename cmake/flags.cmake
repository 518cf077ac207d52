# Compiler flags of every layer. Warnings are errors; a suppression needs a comment where it stands.
add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wall>
    $<$<COMPILE_LANGUAGE:C>:-Wextra>
    $<$<COMPILE_LANGUAGE:C>:-Wshadow>
    $<$<COMPILE_LANGUAGE:C>:-Wconversion>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wvla>
    $<$<COMPILE_LANGUAGE:C>:-Wundef>
    $<$<COMPILE_LANGUAGE:C>:-Werror>
    # A native function must not slip into a table of ms_abi pointers.
    $<$<COMPILE_LANGUAGE:C>:-Werror=incompatible-pointer-types>
    -fvisibility=hidden
    -fno-strict-aliasing
    -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE $<$<CONFIG:Debug>:PP_DEBUG=1>)
include_directories(${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)

if(PP_SANITIZE)
    # Fibers, our own stacks and contained exceptions leave frames that never return.
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
        # Driver memory has no alignment of ours; copies of nothing from nowhere are fine.
        -fno-sanitize=alignment,nonnull-attribute $<$<C_COMPILER_ID:Clang>:-fno-sanitize=function>)
    add_link_options(-fsanitize=address,undefined)
    add_compile_definitions(PP_SANITIZE=1)
endif()

# One layer is one static library: pp_layer(pool SOURCES a.c b.c USES base plat LIBS zydis)
function(pp_layer name)
    cmake_parse_arguments(L "" "" "SOURCES;USES;LIBS" ${ARGN})
    add_library(pp_${name} STATIC ${L_SOURCES})
    set(links "")
    foreach(use ${L_USES})
        list(APPEND links pp_${use})
    endforeach()
    target_link_libraries(pp_${name} PUBLIC ${links} ${L_LIBS})
endfunction()

# A Criterion test program of one layer: pp_unit_test(pool SOURCES a.c USES pool)
function(pp_unit_test name)
    cmake_parse_arguments(T "" "" "SOURCES;USES;LIBS" ${ARGN})
    add_executable(unit_${name} ${T_SOURCES} ${CMAKE_SOURCE_DIR}/tests/unit/arena.c)
    set(links "")
    foreach(use ${T_USES})
        list(APPEND links pp_${use})
    endforeach()
    target_link_libraries(unit_${name} PRIVATE ${links} ${T_LIBS} criterion)
    # Criterion's macros declare functions and use conversions that our warnings refuse.
    target_compile_options(unit_${name} PRIVATE -Wno-missing-prototypes -Wno-conversion)
    add_test(NAME unit_${name} COMMAND unit_${name})
endfunction()
