# Included by the top Makefile: make apps, demo.

.PHONY: apps demo
apps: all
	@test/apps/run --install --lib $(BUILD)/libfurwock.so

demo: all
	@test/demo $(BUILD)/libfurwock.so
