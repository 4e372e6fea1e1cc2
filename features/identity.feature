Feature: An establishment says who it knows, and how sure it is
  Each establishment gives out its own local identity for a person. The ledger keeps what was said, when it was
  corrected, and how reliable it is, by the national statuses: provisional (PROV), retrieved (RECUP), validated (VALI)
  and qualified (QUAL).

  Background:
    Given CHB knows Zoé Fictive, born 1979-03-05

  Rule: I1, traits are possible

    Scenario: A date that does not exist is not a birth date
      When her birth date is corrected to 1979-02-30
      Then the ledger refuses with BadTraits, rule I1

    Scenario Outline: A typing error that no person can be born with is not kept
      When her birth date is corrected to <day>
      Then the ledger refuses with BadTraits, rule I1

      Examples:
        | day        |
        | 2979-03-05 |
        | 1079-03-05 |

    Scenario Outline: A family name of digits or signs is no name
      When her family name is corrected to <name>
      Then the ledger refuses with BadTraits, rule I1

      Examples:
        | name     |
        | 12345!!  |
        | Fictive2 |
        | -        |

    Scenario: A number with a blank before it would be another number
      When CHB registers Zoé Fictive under the number " 2"
      Then the ledger refuses with BadTraits, rule I1

  Rule: I2, a local id is given out once

    Scenario: The desk registers the same number again
      When CHB registers her number again
      Then the ledger refuses with AlreadyRegistered, rule I2

  Rule: I3, a correction changes something, and a changed strict trait is checked again

    @live
    Scenario: A validated identity is corrected
      Given her identity is validated
      When her birth date is corrected to 1979-03-06
      Then her birth date is 1979-03-06
      And her status is PROV

    Scenario: A correction that says what is known already
      When her birth date is corrected to 1979-03-05
      Then the ledger refuses with NothingToCorrect, rule I3

  Rule: I4, retrieved and qualified need the national identity, and a doubt keeps from both

    Scenario: An identity is qualified
      Given her national identity is attached
      When her identity is qualified
      Then her status is QUAL

    Scenario: An identity without the national one is not qualified
      When her identity is qualified
      Then the ledger refuses with StatusNotAllowed, rule I4

    Scenario: An identity without all strict traits is not qualified
      Given her national identity is attached
      And her birth place is not known any more
      When her identity is qualified
      Then the ledger refuses with StatusNotAllowed, rule I4

    @live
    Scenario: A doubt about a qualified identity
      Given her national identity is attached
      And her identity is qualified
      When she is flagged DOUT
      Then her status is PROV

    Scenario: The national identity turns out to be somebody else's
      Given her national identity is attached
      And her identity is qualified
      When her national identity is detached
      Then her status is VALI

    Scenario: An identity whose matricule is in doubt is not qualified
      Given her birth date is corrected to 2009-11-20
      And the matricule 279035121518989 is attached
      When her identity is qualified
      Then the ledger refuses with StatusNotAllowed, rule I4: "check the matricule with INSi and clear the flag"

    Scenario: A clerk checked the matricule with INSi
      Given her birth date is corrected to 2009-11-20
      And the matricule 279035121518989 is attached
      And her flag ins_doubtful is cleared because "INSi says the same"
      When her identity is qualified
      Then her status is QUAL

    Scenario: A clerk doubts the matricule of a qualified identity
      Given her national identity is attached
      And her identity is qualified
      When she is flagged ins_doubtful
      Then her status is VALI
      And a clerk is asked about her

  Rule: I5, a matricule is well formed, and never repaired

    Scenario: A matricule whose key is wrong
      When the matricule 279035121518988 is attached
      Then the ledger refuses with BadIns, rule I5

  Rule: I6, a flag is set once and cleared once

    Scenario: A homonym is flagged twice
      Given she is flagged HOMA
      When she is flagged HOMA
      Then the ledger refuses with FlagUnchanged, rule I6

  Rule: I7, nothing personal is added to an erased identity

    @live
    Scenario: A person is erased, and her history stays without her name
      When she is erased
      Then "[erased]" is shown for her number and all her traits
      And it is still shown that CHB registered an identity

    Scenario: An erased identity is not corrected
      Given she is erased
      When her birth date is corrected to 1979-03-06
      Then the ledger refuses with Erased, rule I7

  Rule: I11, another matricule over the first takes back what rested on that

    Scenario: The matricule of a qualified identity is replaced
      Given her national identity is attached
      And her identity is qualified
      When the matricule 279035121519088 is attached
      Then her status is VALI

    Scenario: The same matricule is attached again
      Given her national identity is attached
      And her identity is qualified
      When the matricule 279035121518989 is attached
      Then her status is QUAL

    @live
    Scenario: Nobody knows which of two matricules is hers until a clerk settles it
      Given her national identity is attached
      And the matricule 279035121519088 is attached
      Then her flags are ins_replaced
      And a clerk is asked about her
      When her identity is qualified
      Then the ledger refuses with StatusNotAllowed, rule I4: "check the matricule with INSi"
      When her flag ins_replaced is cleared because "INSi knows the second"
      And her identity is qualified
      Then her status is QUAL
      And nobody is asked about her

    Scenario: The first matricule comes back
      Given her national identity is attached
      And the matricule 279035121519088 is attached
      When the matricule 279035121518989 is attached
      Then her flags are ins_replaced
      And a clerk is asked about her

    Scenario: The matricule that took the place of another is detached
      Given her national identity is attached
      And the matricule 279035121519088 is attached
      When her national identity is detached
      Then she has no flag
      And nobody is asked about her

  Rule: I12, a matricule that contradicts sex or birth date may be somebody else's

    Scenario: A child is brought in under a parent's number
      Given her birth date is corrected to 2009-11-20
      When the matricule 279035121518989 is attached
      Then her flags are ins_doubtful

    Scenario: It was her own, and the birth date was misread
      Given her birth date is corrected to 2009-11-20
      And the matricule 279035121518989 is attached
      When her birth date is corrected to 1979-03-05
      Then she has no flag
    Scenario: A qualified identity is corrected, and contradicts its matricule
      Given her national identity is attached
      And her identity is qualified
      When her birth date is corrected to 2009-11-20
      Then her status is PROV
      And her flags are ins_doubtful

    Scenario: What a clerk settled stays settled until another birth date is stated
      Given her birth date is corrected to 2009-11-20
      And the matricule 279035121518989 is attached
      And her flag ins_doubtful is cleared because "INSi says the same"
      When her birth place is not known any more
      Then she has no flag
      When her birth date is corrected to 2009-11-21
      Then her flags are ins_doubtful

