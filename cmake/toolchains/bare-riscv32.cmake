# SPDX-License-Identifier: Apache-2.0
# RV32 without an operating system, on QEMU's machine `virt`: Debian's gcc-riscv64-unknown-elf and picolibc.
#   cmake -S . -B build/bare -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/toolchains/bare-riscv32.cmake -DMK_PORT=bare
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE NEVER)

# The compiler must know zicsr (the clock and the sleep read control registers); the linker must not, because it looks
# up libc by the exact name of the architecture.
set(CMAKE_C_FLAGS_INIT "-march=rv32imac_zicsr -mabi=ilp32 --specs=picolibc.specs -ffunction-sections -fdata-sections -msave-restore")
set(CMAKE_ASM_FLAGS_INIT "-march=rv32imac_zicsr -mabi=ilp32")

# Code and read-only data in the first 4 MiB of the machine's 128 MiB, the rest is data, heap and stack.
string(CONCAT CMAKE_EXE_LINKER_FLAGS_INIT "-march=rv32imac --crt0=hosted --oslib=semihost -Wl,--gc-sections "
       "-Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=4M "
       "-Wl,--defsym=__ram=0x80400000 -Wl,--defsym=__ram_size=124M -Wl,--defsym=__stack_size=64K")

set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-system-riscv32;-M;virt;-m;128M;-bios;none;-semihosting-config;enable=on;-nographic;-monitor;none;-serial;none;-kernel")
