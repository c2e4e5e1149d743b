# SPDX-License-Identifier: Apache-2.0
# Compiler settings and the functions that every CMakeLists.txt of the tree uses.
#   gantry_library(NAME SOURCES ... LINK ...)          static library gantry-NAME
#   gantry_program(NAME SOURCES ... LINK ...)          build/bin/NAME
#   gantry_plugin(NAME SOURCES ... LINK ...)           build/lib/gantry/plugins/NAME.so
#   gantry_static_program(NAME SOURCES ... LINK ...)   build/bin/NAME, static with musl (see cmake/static)
#   gantry_test(NAME PART part SOURCES ... LINK ...)   a cmocka executable, registered with ctest under label `part`
#   gantry_fuzzer(NAME SOURCES ... LINK ...)           libFuzzer target build-fuzz/fuzz/fuzz_NAME, in the preset "fuzz" only

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(GANTRY_BIN ${CMAKE_BINARY_DIR}/bin CACHE PATH "where programs are put")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${GANTRY_BIN})
set(GANTRY_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/gantry/plugins)

set(GANTRY_SANITIZE "" CACHE STRING "comma-separated sanitizers, or empty")
option(GANTRY_FAULT_POINTS "compile the fault points of lib/base/fault in" OFF)

add_compile_definitions(_GNU_SOURCE GANTRY_VERSION="${PROJECT_VERSION}")
if(GANTRY_FAULT_POINTS)
	add_compile_definitions(GANTRY_FAULT_POINTS)
endif()
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wwrite-strings -Wformat=2 -Wno-format-truncation -Wvla -Wundef -Wpointer-arith -Wframe-larger-than=16384
	-fno-strict-aliasing -fvisibility=hidden -ffunction-sections -fdata-sections)
if(GANTRY_SANITIZE)
	add_compile_options(-fsanitize=${GANTRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${GANTRY_SANITIZE})
	add_compile_definitions(GANTRY_SANITIZED)
	# gcc's flow warnings are false ones in instrumented code
	add_compile_options($<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
else()
	add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
	if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT GANTRY_STATIC)
		add_compile_definitions(_FORTIFY_SOURCE=2)
	endif()
endif()
option(GANTRY_FUZZ "build the fuzz targets, and everything with coverage for libFuzzer (clang)" OFF)
if(GANTRY_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
option(GANTRY_WERROR "treat warnings as errors" ON)
if(GANTRY_WERROR)
	add_compile_options(-Werror)
endif()

# Includes are written from the root of the tree ("lib/base/error.h"), the SDK's as <gantry/plugin.h>.
include_directories(${CMAKE_SOURCE_DIR})

function(gantry_library name)
	cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
	add_library(gantry-${name} STATIC ${A_SOURCES})
	target_link_libraries(gantry-${name} PUBLIC ${A_LINK})
endfunction()

function(gantry_program name)
	cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	target_link_libraries(${name} PRIVATE ${A_LINK})
	target_link_options(${name} PRIVATE -pie)
	install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# As Debian's musl-tools lays it out.  `musl-gcc -static-pie` would make a dynamic program.
if(GANTRY_STATIC)
	add_compile_options("SHELL:-idirafter /usr/include" "SHELL:-idirafter /usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu"
		-fPIE -Os)
endif()
set(GANTRY_MUSL_LIB /usr/lib/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-musl)

function(gantry_static_program name)
	cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	target_link_libraries(${name} PRIVATE ${A_LINK})
	if(GANTRY_STATIC)
		target_link_options(${name} PRIVATE -static -nostartfiles
			-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now
			${GANTRY_MUSL_LIB}/rcrt1.o ${GANTRY_MUSL_LIB}/crti.o)
		target_link_libraries(${name} PRIVATE -lc ${GANTRY_MUSL_LIB}/crtn.o)
	endif()
endfunction()

# Builds cmake/static beside this project and puts its programs into build/bin.  With sanitizers, which musl lacks, the same
# sources are built here.
function(gantry_static_programs)
	if(GANTRY_SANITIZE)
		foreach(name ${ARGN})
			add_subdirectory(${CMAKE_SOURCE_DIR}/programs/${name} ${CMAKE_BINARY_DIR}/programs/${name})
		endforeach()
		return()
	endif()
	include(ExternalProject)
	set(byproducts ${ARGN})
	list(TRANSFORM byproducts PREPEND ${CMAKE_BINARY_DIR}/bin/)
	ExternalProject_Add(gantry-static
		SOURCE_DIR ${CMAKE_SOURCE_DIR}/cmake/static
		BINARY_DIR ${CMAKE_BINARY_DIR}/static
		CMAKE_ARGS -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
			-DGANTRY_FAULT_POINTS=${GANTRY_FAULT_POINTS} -DGANTRY_BIN=${CMAKE_BINARY_DIR}/bin
		BUILD_ALWAYS ON INSTALL_COMMAND "" BUILD_BYPRODUCTS ${byproducts}
		USES_TERMINAL_BUILD ON)
	install(PROGRAMS ${byproducts} DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(gantry_plugin name)
	cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
	add_library(${name} MODULE ${A_SOURCES})
	set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${GANTRY_PLUGIN_OUTPUT_DIRECTORY})
	target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/core/include)
	target_link_libraries(${name} PRIVATE ${A_LINK})
	target_link_options(${name} PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
	if(NOT GANTRY_SANITIZE)
		target_link_options(${name} PRIVATE -Wl,-z,defs)
	endif()
	install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gantry/plugins)
endfunction()

function(gantry_test name)
	cmake_parse_arguments(A "" "PART;TIMEOUT" "SOURCES;LINK;ARGS" ${ARGN})
	add_executable(${name} ${A_SOURCES})
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	target_link_libraries(${name} PRIVATE ${A_LINK} cmocka)
	target_compile_definitions(${name} PRIVATE GANTRY_BUILD_DIR="${CMAKE_BINARY_DIR}" GANTRY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	add_test(NAME ${name} COMMAND ${name} ${A_ARGS})
	if(NOT A_TIMEOUT)
		set(A_TIMEOUT 120)
	endif()
	set_tests_properties(${name} PROPERTIES LABELS ${A_PART} TIMEOUT ${A_TIMEOUT}
		ENVIRONMENT "CMOCKA_MESSAGE_OUTPUT=TAP")
endfunction()

# tests/fuzz/CMakeLists.txt says what a target is. With the planted bug it is built a second time, as fuzz_NAME_planted.
function(gantry_fuzzer name)
	cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
	foreach(variant "" _planted)
		add_executable(fuzz_${name}${variant} ${A_SOURCES})
		set_target_properties(fuzz_${name}${variant} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
		target_link_libraries(fuzz_${name}${variant} PRIVATE ${A_LINK})
		target_link_options(fuzz_${name}${variant} PRIVATE -fsanitize=fuzzer)
	endforeach()
	target_compile_definitions(fuzz_${name}_planted PRIVATE GANTRY_PLANTED_BUG)
endfunction()
