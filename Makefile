# The words of the Go program, with the same roles. Every one is an npm script or a docker command.
IMAGE ?= engram
PORT ?= 8080
ARGS ?=

.PHONY: build test bench run docker-build docker-run docker-test docker-test-image

build:
	npm run build

test:
	npm test

bench:
	npm run bench

run: build
	npm start -- $(ARGS)

docker-build:
	docker build -t $(IMAGE) .

# Reached from this machine alone; the token lies in data/token. The folder is yours, so the server runs as you.
docker-run:
	mkdir -p data
	docker run --rm --user "$$(id -u):$$(id -g)" -p 127.0.0.1:$(PORT):8080 -v "$(CURDIR)/data:/app/data" $(IMAGE) $(ARGS)

docker-test: docker-test-image
	docker run --rm $(IMAGE):test

# One folder, or several at once: make docker-test-src/live docker-test-src/store
docker-test-src/%: docker-test-image
	docker run --rm --entrypoint npm $(IMAGE):test test -- src/$*

# The same by its name in the Go program.
docker-test-internal/%: docker-test-image
	docker run --rm --entrypoint npm $(IMAGE):test test -- $(or $(folder_$*),src/$*)

docker-test-image:
	docker build --target test -t $(IMAGE):test .

folder_lockmanager := src/live
folder_router := src/live
folder_notifier := src/server/live
folder_metrics := src/server/metrics
folder_search := src/search
folder_storage := src/store
folder_api := src/server
