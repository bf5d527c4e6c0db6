// A service without the database: it knows users by their tokens alone. It prints its URL.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"example.com/orders/amphoverify"
)

func main() {
	authURL := os.Getenv("AUTH_URL")
	lagMax, _ := time.ParseDuration(os.Getenv("LAG_MAX"))
	verifier, err := amphoverify.New(amphoverify.Options{
		JWKSURL:   authURL + "/.well-known/jwks.json",
		Issuer:    os.Getenv("ISSUER"),
		Audience:  []string{os.Getenv("AUDIENCE")},
		FeedURL:   authURL + "/revocations",
		FeedToken: os.Getenv("FEED_TOKEN"),
		LagMax:    lagMax,
	})
	if err == nil {
		err = verifier.Ready()
	}
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", verifier.Guard(func(w http.ResponseWriter, r *http.Request, auth *amphoverify.Auth) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"login": auth.Login, "roles": auth.Roles, "credential": auth.Credential})
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
