Feature: Erasing a person is lawful, decided by two, and whole
  A record is kept for twenty years. Before, only an error or a court order ends it. One person requests an erasure,
  another approves it, and it is carried out after a delay, in which it can be cancelled or held.

  Background:
    Given CHB knows Zoé Fictive, born 1979-03-05
    And her last exam at CHB was on 2005-02-01

  Rule: F1, an erasure rests on an error, a court order, or the end of retention

    Scenario: The person asks for it
      When operator:martin requests her erasure on the ground "her wish", reference "letter 7"
      Then the ledger refuses with UnlawfulGround, rule F1: "nobody is erased before, whoever asks for it"

    Scenario: She was registered by mistake
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      When 8 days go by
      Then she is erased, on the ground "error: file 12"

  Rule: F2, the end of retention is a ground once it is over

    Scenario: Her last exam is long ago
      Given operator:martin requests her erasure on the ground "end_of_retention", reference "list 2026"
      And operator:durand approves her erasure
      When 31 days go by
      Then she is erased, on the ground "end_of_retention: list 2026"

    Scenario: She had another exam since
      Given her last exam at CHB was on 2010-05-01
      When operator:martin requests her erasure on the ground "end_of_retention", reference "list 2026"
      Then the ledger refuses with StillRetained, rule F2: "kept until 2030-05-01"

    Scenario: She died
      Given her last exam at CHB was on 2010-05-01
      When operator:martin requests her erasure, who died on 2015-06-01, reference "list 2026"
      Then her erasure is requested

    Scenario: It turns out that she was born later
      Given operator:martin requests her erasure on the ground "end_of_retention", reference "list 2026"
      And operator:durand approves her erasure
      And her birth date is corrected to 2004-03-05
      When 31 days go by
      Then her erasure is stopped, by rule F2

  Rule: F3, two people decide

    Scenario: The one who requested approves
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      When operator:martin approves her erasure
      Then the ledger refuses with SecondPersonMissing, rule F3: "let somebody else approve it"

    Scenario: The same person approves in another role
      Given clerk:martin requests her erasure on the ground "error", reference "file 12"
      When operator:martin approves her erasure
      Then the ledger refuses with SecondPersonMissing, rule F3

    Scenario: A program requests
      When service:night requests her erasure on the ground "error", reference "file 12"
      Then the ledger refuses with SecondPersonMissing, rule F3: "let two people do it"

  Rule: F4, a delay lies between approval and carrying out

    Scenario: The delay runs
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      When 6 days go by
      Then she is not erased

    Scenario: Somebody carries it out at once
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      When her erasure is carried out at once
      Then the ledger refuses with ErasureTooEarly, rule F4: "may be cancelled until"

  Rule: F5, a legal hold stops it until it is released

    Scenario: A court wants to see the record
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand places a legal hold, reference "TJ 26/00123"
      When operator:durand approves her erasure
      Then the ledger refuses with LegalHold, rule F5: "krypton erase release"

    Scenario: The hold comes after the approval, and is released
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      And operator:durand places a legal hold, reference "TJ 26/00123"
      And 30 days go by
      And she is not erased
      When operator:durand releases the legal hold "TJ 26/00123"
      And 1 days go by
      Then she is erased, on the ground "error: file 12"

  Rule: F6, a step follows the one before

    Scenario: It was cancelled
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      And operator:martin cancels her erasure
      When 30 days go by
      Then she is not erased

    Scenario: Nobody requested it
      When operator:durand approves her erasure
      Then the ledger refuses with ErasureUnchanged, rule F6: "request it first"

    Scenario: It is requested twice
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      When operator:durand requests her erasure on the ground "error", reference "file 13"
      Then the ledger refuses with ErasureUnchanged, rule F6: "cancel it first"

    Scenario: A hold that is not there is released
      Given operator:durand places a legal hold, reference "TJ 26/00123"
      When operator:durand releases the legal hold "TJ 26/00124"
      Then the ledger refuses with ErasureUnchanged, rule F6: "krypton erase status"

  Rule: F7, nothing goes that nobody has looked at

    Scenario: She has an exam while the delay runs
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      And her last exam at CHB was on 2026-01-04
      When 8 days go by
      Then her erasure is stopped, by rule F7

    Scenario: More images of her exam come in while the delay runs
      Given operator:martin requests her erasure on the ground "court_order", reference "TJ 26/00123"
      And operator:durand approves her erasure
      And more images of her exam of 2005-02-01 come in
      When 2 days go by
      Then her erasure is stopped, by rule F7

    Scenario: She has an exam between the question and the answer
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand is shown what there is of her
      And her last exam at CHB was on 2026-01-04
      When operator:durand approves what was shown
      Then the ledger refuses with NotLookedAt, rule F7: "look at it, then"

  Rule: F8, what is stopped is not tried again by itself

    Scenario: Retention of the exam is over too
      Given operator:martin requests her erasure on the ground "end_of_retention", reference "list 2026"
      And operator:durand approves her erasure
      And her last exam at CHB was on 2026-01-04
      And 31 days go by
      When 9000 days go by
      Then her erasure is stopped, by rule F7

    Scenario: Somebody looks, cancels and asks again
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand approves her erasure
      And her last exam at CHB was on 2026-01-04
      And 8 days go by
      And operator:martin cancels her erasure
      And operator:martin requests her erasure on the ground "error", reference "file 13"
      And operator:durand approves her erasure
      When 8 days go by
      Then she is erased, on the ground "error: file 13"

  Rule: F9, who requested releases no hold of another

    Scenario: They want to go on
      Given operator:martin requests her erasure on the ground "error", reference "file 12"
      And operator:durand places a legal hold, reference "TJ 26/00123"
      When operator:martin releases the legal hold "TJ 26/00123"
      Then the ledger refuses with HoldOfAnother, rule F9: "else release it"

  Rule: I8, what stays readable names nobody

    Scenario: The reference names her
      When operator:martin requests her erasure on the ground "error", reference "file of Mme Fictive"
      Then the ledger refuses with UnfitGround, rule I8: "say it without"
