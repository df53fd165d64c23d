/* Device memory by its physical address, through /dev/mem.
 *   mmio read ADDRESS        prints 32 bits
 *   mmio write ADDRESS VALUE
 *   mmio test ADDRESS SIZE   writes and reads back the first, the last and every 2^k-th word, as they are kept apart
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile uint32_t *word(uint64_t address)
{
	static int file = -1;
	void *page;

	if (file < 0)
		file = open("/dev/mem", O_RDWR | O_SYNC);
	page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, address & ~4095ULL);
	if (page == MAP_FAILED) {
		perror("mmio");
		exit(2);
	}
	return (volatile uint32_t *)((char *)page + (address & 4095));
}

int main(int count, char **arguments)
{
	uint64_t address, size, at;
	int words = 0, bad = 0, pass;

	if (count < 3)
		return 1;
	address = strtoull(arguments[2], 0, 0);
	if (!strcmp(arguments[1], "read")) {
		printf("%08x\n", *word(address));
	} else if (!strcmp(arguments[1], "write") && count > 3) {
		*word(address) = strtoull(arguments[3], 0, 0);
	} else if (!strcmp(arguments[1], "test") && count > 3) {
		size = strtoull(arguments[3], 0, 0);
		for (pass = 0; pass < 2; pass++) {
			for (at = 0; at < size; at = at ? at * 2 : 4096) {
				uint32_t pattern = 0xa5a50000u ^ (uint32_t)(at >> 4);

				if (!pass)
					*word(address + at) = pattern;
				else
					words++, bad += *word(address + at) != pattern;
			}
			if (!pass)
				*word(address + size - 4) = 0x1a571a57;
			else
				words++, bad += *word(address + size - 4) != 0x1a571a57;
		}
		printf("%d words, %d bad\n", words, bad);
		return bad ? 4 : 0;
	} else {
		return 1;
	}
	return 0;
}
